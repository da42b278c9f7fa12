//! Quantities of Kubernetes: `250m`, `1Gi`, `2`.

/// The value of a quantity in its base unit.
pub(super) fn read(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" => 1.0,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn units_are_read_and_others_refused() {
        assert_eq!(read("250m"), Some(0.25));
        assert_eq!(read("2"), Some(2.0));
        assert_eq!(read("1Gi"), Some(1_073_741_824.0));
        assert!(read("1G") < read("1Gi"));
        assert!(read("1Gb").is_none() && read("Mi").is_none() && read("").is_none());
    }
}
