//! Processor time of this process, for figures that mean something on a shared machine.

/// Seconds of user and system time spent so far; 0 where the system does not say.
pub(crate) fn seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold spaces; fields are counted from its end.
    let Some((_, rest)) = stat.rsplit_once(')') else { return 0.0 };
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    // Linux reports in hundredths of a second to user programs, whatever the kernel's own tick is.
    (ticks(11) + ticks(12)) / 100.0
}
