//! `attune profile ltv`.

use std::fmt::Write as _;

use attune_learning::data::calendar;
use attune_learning::data::kinds::number;
use attune_learning::ltv::holdout::{Holdout, compare};
use attune_learning::ltv::purchases::Fitted as FittedPurchases;
use attune_learning::ltv::spend::Fitted as FittedSpend;
use attune_learning::ltv::summary::{Observed, Purchase, summarise};
use attune_learning::ltv::{Discounting, Purchases, Spend, Summary, lifetime_value};
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::{input, plots, refused};
use crate::exit::Failure;
use crate::files::Files;
use crate::options::learn::LtvOptions;
use crate::options::profile::PageFormat;
use crate::output;
use crate::rows::Rows;

/// Times of the models are weeks.
const WEEK: f64 = 7.0;
/// Weeks of a year, for the discount.
const YEAR: f64 = 365.25 / 7.0;

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    customers: usize,
    horizon_weeks: f64,
    purchases: FittedPurchases,
    spend: Option<FittedSpend>,
    expected_purchases: f64,
    alive: f64,
    lifetime_value: Option<f64>,
    holdout: Option<Holdout>,
}

/// A customer's figures.
struct Figures {
    alive: f64,
    expected: f64,
    each: Option<f64>,
    value: Option<f64>,
}

/// Tells what customers will be worth.
///
/// # Errors
/// Usage or bad input; a file that cannot be written.
pub(crate) fn run(options: &LtvOptions) -> Result<(), Failure> {
    [&options.output, &options.report, &options.plot].into_iter().flatten().try_for_each(|path| Files::check(path))?;
    if !(options.discount > -1.0 && options.discount.is_finite()) {
        return Err(Failure::usage("--discount: not above -1"));
    }
    let end = match &options.calibration_end {
        None => None,
        Some(text) => {
            let day = calendar::parse(text).ok_or_else(|| Failure::usage("--calibration-end: not a date"))?;
            Some(day.floor() as i64)
        }
    };
    let (purchases, names, name) = read(options)?;
    let refuse = |error: attune_learning::Error| refused(&name, &error);
    let last = purchases.iter().map(|purchase| purchase.day).max();
    let last = last.ok_or_else(|| Failure::input(format!("{name}: there is no purchase")))?;
    let observed_until = end.unwrap_or(last);
    let until = last.min(observed_until + i64::from(options.horizon));
    let observed = summarise(&purchases, observed_until, until, WEEK).map_err(refuse)?;
    let customers: Vec<Summary> = observed.iter().map(|one| one.summary).collect();
    let fitted = Purchases::fit(&customers).map_err(refuse)?;
    let spend = match &options.value_column {
        Some(_) => Some(Spend::fit(&customers).map_err(refuse)?),
        None => None,
    };
    let figures = customers.iter().map(|one| of_customer(options, &fitted.model, spend.as_ref(), one));
    let figures: Vec<Figures> = figures.collect::<Result<_, _>>().map_err(refuse)?;
    let held = if until > observed_until {
        let weeks = (until - observed_until) as f64 / WEEK;
        Some(compare(&fitted.model, spend.as_ref().map(|spend| &spend.model), &observed, weeks).map_err(refuse)?)
    } else {
        None
    };
    let report = Report {
        customers: customers.len(),
        horizon_weeks: f64::from(options.horizon) / WEEK,
        purchases: fitted,
        spend,
        expected_purchases: figures.iter().map(|one| one.expected).sum(),
        alive: figures.iter().map(|one| one.alive).sum(),
        lifetime_value: spend.map(|_| figures.iter().filter_map(|one| one.value).sum()),
        holdout: held,
    };
    write(options, &report, &observed, &figures, &names)?;
    match options.format {
        PageFormat::Json => output::print_json(&report),
        PageFormat::Table => {
            let mut out = String::new();
            // Writing to a string does not fail.
            let _ = text(&report, &mut out);
            output::print(&out);
            Ok(())
        }
    }
}

/// Value comes in week after week up to the horizon, each discounted.
fn of_customer(
    options: &LtvOptions,
    purchases: &Purchases,
    spend: Option<&FittedSpend>,
    customer: &Summary,
) -> Result<Figures, attune_learning::Error> {
    let weeks = f64::from(options.horizon) / WEEK;
    let periods = weeks.ceil().max(1.0);
    let rate = (1.0 + options.discount).powf(weeks / periods / YEAR) - 1.0;
    let discounting = Discounting { periods: periods as u32, length: weeks / periods, rate };
    let value = spend.map(|spend| lifetime_value(purchases, &spend.model, customer, &discounting)).transpose()?;
    Ok(Figures {
        alive: purchases.alive(customer),
        expected: purchases.expected(customer, weeks)?,
        each: spend.map(|spend| spend.model.expected(customer)),
        value,
    })
}

/// Reads purchases; customers get codes in the order in which they come.
fn read(options: &LtvOptions) -> Result<(Vec<Purchase>, Vec<String>, String), Failure> {
    let mut rows = Rows::open_with_blanks(&options.input)?;
    let customer = input::place(&rows, &options.customer_column)?;
    let time = input::place(&rows, &options.time_column)?;
    let value = options.value_column.as_deref().map(|name| input::place(&rows, name)).transpose()?;
    let mut codes: FxHashMap<String, u32> = FxHashMap::default();
    let (mut purchases, mut names) = (Vec::new(), Vec::new());
    loop {
        let Some(row) = rows.next()? else { return Ok((purchases, names, rows.name().to_owned())) };
        let id = row.field(customer);
        if id.is_empty() {
            // A purchase of nobody who is known.
            continue;
        }
        let code = codes.get(id).copied().unwrap_or_else(|| {
            let code = names.len() as u32;
            names.push(id.to_owned());
            codes.insert(id.to_owned(), code);
            code
        });
        let Some(day) = calendar::parse(row.field(time)) else { return Err(rows.wrong(time, "not a date")) };
        let value = match value {
            None => 0.0,
            Some(at) => match number(row.field(at)) {
                Some(number) => number,
                None => return Err(rows.wrong(at, "not a number")),
            },
        };
        purchases.push(Purchase { customer: code, day: day.floor() as i64, value });
    }
}

fn write(
    options: &LtvOptions,
    report: &Report,
    observed: &[Observed],
    figures: &[Figures],
    names: &[String],
) -> Result<(), Failure> {
    let mut files = Files::default();
    if let Some(path) = &options.report {
        let json = serde_json::to_string_pretty(report).map_err(|error| Failure::other(error.to_string()))?;
        files.write(path, |out| writeln!(out, "{json}"))?;
    }
    if let (Some(path), Some(held)) = (&options.plot, &report.holdout) {
        let picture = plots::purchases(held)?;
        files.write(path, |out| out.write_all(picture.as_bytes()))?;
    }
    if let Some(path) = &options.output {
        files.write(path, |out| {
            let mut out = csv::Writer::from_writer(out);
            let header = ["customer", "frequency", "recency_weeks", "age_weeks", "mean_value", "alive"];
            let more = ["expected_purchases", "expected_value_each", "lifetime_value"];
            out.write_record(header.iter().chain(&more))?;
            let shown = |value: Option<f64>| value.map(|value| format!("{value:.4}")).unwrap_or_default();
            for (one, figures) in observed.iter().zip(figures) {
                let summary = &one.summary;
                out.write_record([
                    names[one.customer as usize].clone(),
                    summary.frequency.to_string(),
                    format!("{:.4}", summary.recency),
                    format!("{:.4}", summary.age),
                    format!("{:.4}", summary.value),
                    format!("{:.6}", figures.alive),
                    format!("{:.6}", figures.expected),
                    shown(figures.each),
                    shown(figures.value),
                ])?;
            }
            out.flush()
        })?;
    }
    files.finish()
}

fn text(report: &Report, out: &mut String) -> std::fmt::Result {
    let row = |out: &mut String, name: &str, value: f64, error: Option<f64>| {
        let error = error.map_or_else(|| "-".to_owned(), |error| format!("{error:.4}"));
        writeln!(out, "{name:<8} {value:>12.4} {error:>12}")
    };
    writeln!(out, "{} customers, times in weeks\n", report.customers)?;
    writeln!(out, "BG/NBD          value     standard error")?;
    let (model, errors) = (report.purchases.model, report.purchases.errors);
    for (at, (name, value)) in
        [("r", model.r), ("alpha", model.alpha), ("a", model.a), ("b", model.b)].into_iter().enumerate()
    {
        row(out, name, value, errors.map(|errors| errors[at]))?;
    }
    writeln!(out, "log-likelihood {:.3}", report.purchases.log_likelihood)?;
    if let Some(spend) = &report.spend {
        writeln!(out, "\nGamma-Gamma     value     standard error")?;
        for (at, (name, value)) in
            [("p", spend.model.p), ("q", spend.model.q), ("v", spend.model.v)].into_iter().enumerate()
        {
            row(out, name, value, spend.errors.map(|errors| errors[at]))?;
        }
        writeln!(out, "{} customers, correlation of frequency and value {:+.3}", spend.customers, spend.correlation)?;
    }
    writeln!(out, "\nwithin {:.1} weeks", report.horizon_weeks)?;
    writeln!(out, "customers still there  {:>12.1}", report.alive)?;
    writeln!(out, "expected purchases     {:>12.1}", report.expected_purchases)?;
    if let Some(value) = report.lifetime_value {
        writeln!(out, "lifetime value         {value:>12.2}")?;
    }
    let Some(held) = &report.holdout else { return Ok(()) };
    writeln!(out, "\nagainst the {:.1} weeks after", held.horizon)?;
    writeln!(out, "purchases        expected {:>12.1}  actual {:>12.1}", held.expected, held.actual)?;
    if report.spend.is_some() {
        writeln!(out, "value            expected {:>12.2}  actual {:>12.2}", held.expected_value, held.actual_value)?;
    }
    writeln!(
        out,
        "error a customer mean absolute {:.4}, root of the mean square {:.4}",
        held.mean_absolute_error, held.root_mean_squared_error
    )?;
    writeln!(out, "\nrepeats before  customers    actual  expected")?;
    held.by_frequency.iter().try_for_each(|row| {
        writeln!(out, "{:>14} {:>10} {:>9.3} {:>9.3}", row.frequency, row.customers, row.actual, row.expected)
    })
}
