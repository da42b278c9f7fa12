//! The demo's result as one readable page.

use std::fmt::Write as _;

use super::measure::Report;

/// The page.
pub(crate) fn render(report: &Report) -> String {
    let mut out = String::new();
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let mut row = |name: &str, value: String| {
        let _ = writeln!(out, "  {name:<34}{value}");
    };
    row("events in", format!("{} over {} days from {} customers", report.events_in, report.days, report.customers));
    row(
        "people found / true",
        format!(
            "{} / {} ({} mixed; the rest of the difference are visits that never signed in)",
            report.persons_found, report.persons_true, report.persons_mixed
        ),
    );
    row("sessions", report.sessions.to_string());
    row("triggers fired", format!("{} ({} stage changes)", report.triggers, report.stage_changes));
    row(
        "decisions",
        format!(
            "{} (p50 {:.2} ms, p99 {:.2} ms, {} without an offer)",
            report.decisions, report.decide_p50_ms, report.decide_p99_ms, report.decisions_without_offer
        ),
    );
    row(
        "deliveries",
        format!(
            "{} of {} sends, {} duplicates, {} lost",
            report.deliveries, report.sends, report.duplicates, report.lost
        ),
    );
    let _ = writeln!(out, "\n  The purchase form: where customers leave");
    for step in &report.funnel {
        let time = step.median_seconds.map_or_else(String::new, |seconds| format!("median {seconds:.0} s"));
        let _ = writeln!(
            out,
            "    {:<16}{:>7}  {:>8}  {time}",
            step.name,
            step.reached,
            percent(step.converted_from_previous)
        );
    }
    let _ = writeln!(out, "\n  Response rate: what was learned, beside chance and the best policy there is");
    let _ = writeln!(
        out,
        "    {:<12}{:>10}{:>10}{:>10}{:>10}{:>11}",
        "days", "learner", "expected", "random", "oracle", "decisions"
    );
    for period in &report.response_rate_over_time {
        let rates = &period.rates;
        let _ = writeln!(
            out,
            "    {:<12}{:>10}{:>10}{:>10}{:>10}{:>11}",
            period.days,
            percent(rates.learner),
            percent(rates.learner_expected),
            percent(rates.random),
            percent(rates.oracle),
            rates.decisions
        );
    }
    let _ = writeln!(out, "    control group over all days: {}", percent(report.response_rate.control));
    let _ = writeln!(out, "\n  Held back by rule");
    for (rule, count) in &report.suppressed {
        let _ = writeln!(out, "    {rule:<24}{count:>9}");
    }
    let _ = writeln!(out, "\n  {:.1} s wall, {:.1} s CPU", report.seconds, report.cpu_seconds);
    out
}
