//! Colours, sizes and how figures are written.
//!
//! Colours differ in hue and in lightness, so that they can be told apart with any kind of colour vision and on paper;
//! every one has a contrast of at least 3 to 1 with the background, texts of at least 7 to 1 (WCAG 2.2, 1.4.6 and
//! 1.4.11). Series differ in the shape of their marks too.

/// The background.
pub const PAPER: &str = "#ffffff";
/// Texts.
pub const INK: &str = "#1f2328";
/// Texts that matter less.
pub const QUIET: &str = "#4b5158";
/// Lines of the grid.
pub const GRID: &str = "#d9dde2";
/// Axes and lines to compare with.
pub const RULE: &str = "#6e7781";
/// What is lost: drop-offs.
pub const LOSS: &str = "#f3d9cc";
/// The colours of series, in order.
pub const SERIES: [&str; 8] = ["#0072b2", "#c44e00", "#007a5a", "#8b3a8b", "#8a6d00", "#5a6570", "#b3274c", "#2b2f77"];
/// The colours from none to all, for heat maps.
pub const HEAT: [&str; 6] = ["#f2f6fb", "#cfe1f2", "#93c3df", "#4a97c9", "#1f6aab", "#0b3c73"];

/// The family of fonts.
pub const FONT: &str = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'Noto Sans', 'DejaVu Sans', sans-serif";
/// Height of ordinary text, in pixels.
pub const TEXT: f64 = 13.0;
/// Height of small text, in pixels.
pub const SMALL: f64 = 11.0;
/// Height of the title, in pixels.
pub const TITLE: f64 = 18.0;

/// How the figures of an axis are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// As numbers, with separators between thousands.
    #[default]
    Number,
    /// Shares of one, as per cent.
    Share,
    /// Seconds, as a duration.
    Seconds,
}

impl Unit {
    /// A figure as it is written beside a mark: about three digits that matter.
    #[must_use]
    pub fn label(self, value: f64) -> String {
        match self {
            Self::Number => number(value),
            Self::Share => {
                let percent = value * 100.0;
                let decimals = if percent.abs() >= 10.0 {
                    1
                } else if percent.abs() >= 1.0 {
                    2
                } else {
                    4
                };
                format!("{} %", digits(percent, decimals))
            }
            Self::Seconds => seconds(value),
        }
    }

    /// A figure of an axis, told apart from the next one, which is a step away.
    #[must_use]
    pub(crate) fn tick(self, value: f64, step: f64) -> String {
        let (value, step, sign) =
            if self == Self::Share { (value * 100.0, step * 100.0, " %") } else { (value, step, "") };
        let decimals = (1.0 - step.log10().floor()).clamp(0.0, 12.0) as usize;
        match self {
            Self::Number | Self::Share if (1e-9..1.0).contains(&step) => format!("{}{sign}", digits(value, decimals)),
            Self::Number => number(value),
            Self::Share => format!("{} %", digits(value, 1)),
            Self::Seconds => seconds(value),
        }
    }
}

fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if size >= 1e15 || (size > 0.0 && size < 1e-4) => format!("{value:e}"),
        _ if size >= 1000.0 => thousands(value),
        _ if size >= 100.0 => digits(value, 1),
        _ if size >= 1.0 => digits(value, 2),
        _ => digits(value, 4),
    }
}

/// Rounded to at most so many decimals, without zeros at the end.
fn digits(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let short = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

fn thousands(value: f64) -> String {
    let text = format!("{:.0}", value.abs());
    let mut out = String::with_capacity(text.len() + text.len() / 3 + 1);
    if value < 0.0 {
        out.push('-');
    }
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn seconds(value: f64) -> String {
    let size = value.abs();
    let (unit, name) = match size {
        _ if size < 1.0 && size > 0.0 => (1e-3, "ms"),
        _ if size < 120.0 => (1.0, "s"),
        _ if size < 7_200.0 => (60.0, "min"),
        _ if size < 172_800.0 => (3_600.0, "h"),
        _ => (86_400.0, "d"),
    };
    format!("{} {name}", digits(value / unit, 1))
}

/// About how wide a text is, in pixels, in the fonts of [`FONT`] at a height; a little more rather than less.
#[must_use]
pub fn width(text: &str, size: f64) -> f64 {
    let one = |c: char| match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.32,
        'f' | 'r' | 't' | ' ' | '(' | ')' | '[' | ']' | '-' | 'I' => 0.4,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.95,
        'A'..='Z' | '_' | '>' | '<' | '+' | '=' => 0.7,
        // Hangul, Han and kana are as wide as they are high.
        '\u{1100}'..='\u{11ff}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3ffff}' => 1.05,
        _ => 0.6,
    };
    text.chars().map(one).sum::<f64>() * size
}

/// A text that fits: as it is, or shortened to end in an ellipsis.
#[must_use]
pub fn fitted(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        short.push(c);
        if width(&short, size) + size > room {
            short.pop();
            break;
        }
    }
    format!("{}…", short.trim_end())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The relative luminance of WCAG 2.2.
    pub(crate) fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    pub(crate) fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn colours_stand_out_from_the_paper_and_from_one_another() {
        assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 1e-9);
        assert!(contrast(INK, PAPER) >= 7.0 && contrast(QUIET, PAPER) >= 7.0);
        assert!(contrast(RULE, PAPER) >= 3.0);
        for (at, colour) in SERIES.iter().enumerate() {
            assert!(contrast(colour, PAPER) >= 3.0, "{colour}");
            assert!(SERIES.iter().skip(at + 1).all(|other| other != colour));
        }
        for pair in HEAT.windows(2) {
            assert!(luminance(pair[0]) > luminance(pair[1]));
        }
    }

    #[test]
    fn figures_are_written_for_people() {
        let number = |value| Unit::Number.label(value);
        assert_eq!([number(1_234_567.4), number(-1000.0), number(0.0)], ["1,234,567", "-1,000", "0"]);
        assert_eq!([number(12.345), number(0.012_34), number(-0.000_01)], ["12.35", "0.0123", "-1e-5"]);
        assert_eq!(Unit::Share.label(0.1234), "12.3 %");
        let seconds = |value| Unit::Seconds.label(value);
        assert_eq!([seconds(0.25), seconds(90.0), seconds(5400.0)], ["250 ms", "90 s", "90 min"]);
        assert_eq!([seconds(36_000.0), seconds(864_000.0), seconds(0.0)], ["10 h", "10 d", "0 s"]);
    }

    #[test]
    fn a_text_is_cut_where_it_no_longer_fits() {
        assert_eq!(fitted("short", 10.0, 100.0), "short");
        let cut = fitted("a text that is much too long to fit", 10.0, 60.0);
        assert!(cut.ends_with('…') && width(&cut, 10.0) <= 60.0, "{cut}");
        assert_eq!(fitted("한국어", 10.0, 32.0), "한국어");
        assert_eq!(fitted("anything", 10.0, 0.0), "…");
    }
}
