//! Names, and which fields an operation takes.

use crate::declaration::{Declaration, Operation};

use super::Build;

const RESERVED: [&str; 22] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "now",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// Checks the names of all traits.
pub(super) fn names(build: &mut Build, declarations: &[Declaration]) {
    for (index, declaration) in declarations.iter().enumerate() {
        let path = format!("traits[{index}]");
        let name = &declaration.name;
        let is_family = name.contains("{}");
        if is_family && !matches!(declaration.operation, Operation::CountBy | Operation::SumBy) {
            build.wrong(&path, "name", "only count_by and sum_by make a family");
        }
        let parts: Vec<&str> = name.split('.').collect();
        let good = |part: &&str| {
            let mut bytes = part.bytes();
            bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && !RESERVED.contains(part)
        };
        let braces = parts.iter().filter(|part| **part == "{}").count();
        if name.len() > 128
            || braces > 1
            || parts.first() == Some(&"{}")
            || !parts.iter().all(|part| *part == "{}" || good(part))
        {
            build.wrong(&path, "name", "is not names of letters, digits and '_' joined with '.', none of them reserved by CEL; a family has one '{}' after the first");
        }
        for (earlier, other) in declarations[..index].iter().enumerate() {
            if other.name == *name {
                build.wrong(&path, "name", format!("is that of traits[{earlier}]"));
            } else if lies_in(name, &other.name) || lies_in(&other.name, name) {
                build.wrong(&path, "name", format!("one of it and that of traits[{earlier}] lies in the other"));
            }
        }
    }
}

/// Whether a name lies below another, so that an expression could not tell them apart. Families do not.
fn lies_in(name: &str, other: &str) -> bool {
    !name.contains("{}") && name.strip_prefix(other).is_some_and(|rest| rest.starts_with('.'))
}

/// Fields that an operation needs, then further ones that it takes.
fn fields(operation: Operation) -> (&'static [&'static str], &'static [&'static str]) {
    use Operation::{
        BestHour, BestWeekday, Cart, Count, CountBy, DaysActive, Derived, Distinct, Exists, First, FirstTime, Inflow,
        Interest, IntervalMean, Last, LastTime, Max, Mean, Min, Preferred, Ratio, ResponseLag, ResponseRate, Rfm,
        SinceFirst, SinceLast, Slope, Streak, Sum, SumBy, Top, Trend,
    };
    match operation {
        Count | Exists | FirstTime | LastTime | IntervalMean | BestHour | BestWeekday => {
            (&[], &["window", "bucket", "zone"])
        }
        Sum | Mean | Min | Max => (&["property"], &["window", "bucket", "zone"]),
        Inflow => (&["property"], &["window", "bucket", "zone"]),
        First | Last => (&["property"], &["window", "bucket", "zone", "type"]),
        SinceFirst | SinceLast => (&[], &["window", "bucket", "zone", "unit"]),
        Distinct | CountBy => (&["property"], &["window", "bucket", "zone", "limit"]),
        Top => (&["property"], &["window", "bucket", "zone", "limit", "weight"]),
        Preferred => (&["property"], &["window", "bucket", "zone", "weight"]),
        SumBy => (&["property", "weight"], &["window", "bucket", "zone", "limit"]),
        DaysActive | Streak => (&[], &["window", "zone"]),
        Trend => (&["window"], &["property", "bucket", "zone"]),
        Slope => (&["window"], &["property", "bucket", "zone", "periods"]),
        Interest => (&["property", "half_life"], &["bucket", "zone", "limit", "weight"]),
        Rfm => (&["property"], &["window", "bucket", "zone", "cuts"]),
        ResponseRate | ResponseLag => (&["events", "answers", "property"], &["window", "bucket", "zone", "horizon"]),
        Cart => (&["events", "property"], &["removes", "clears", "weight", "window", "bucket", "zone"]),
        Ratio => (&["numerator", "denominator"], &[]),
        Derived => (&["expression", "type"], &[]),
    }
}

/// Refuses fields that an operation does not take, and asks for those that it needs. Answers whether they are there.
pub(super) fn check(build: &mut Build, path: &str, declaration: &Declaration) -> bool {
    let (needed, taken) = fields(declaration.operation);
    let of_events = !super::is_derived(declaration.operation);
    let present = [
        ("events", !declaration.events.is_empty()),
        ("channels", !declaration.channels.is_empty()),
        ("where", declaration.condition.is_some()),
        ("property", declaration.property.is_some()),
        ("weight", declaration.weight.is_some()),
        ("window", declaration.window.is_some()),
        ("bucket", declaration.bucket.is_some()),
        ("zone", declaration.zone.is_some()),
        ("limit", declaration.limit.is_some()),
        ("unit", declaration.unit.is_some()),
        ("periods", declaration.periods.is_some()),
        ("half_life", declaration.half_life.is_some()),
        ("horizon", declaration.horizon.is_some()),
        ("answers", !declaration.answers.is_empty()),
        ("removes", !declaration.removes.is_empty()),
        ("clears", !declaration.clears.is_empty()),
        ("cuts", declaration.cuts.is_some()),
        ("numerator", declaration.numerator.is_some()),
        ("denominator", declaration.denominator.is_some()),
        ("expression", declaration.expression.is_some()),
        ("type", declaration.of.is_some()),
    ];
    let mut complete = true;
    for (field, is_there) in present {
        let always = of_events && matches!(field, "events" | "channels" | "where");
        if is_there && !always && !needed.contains(&field) && !taken.contains(&field) {
            build.wrong(path, field, "has no meaning for this operation");
        }
        if !is_there && needed.contains(&field) {
            build.wrong(path, field, "is needed for this operation");
            complete = false;
        }
    }
    if declaration.bucket.is_some() && declaration.window.is_none() && declaration.operation != Operation::Interest {
        build.wrong(path, "bucket", "has no meaning without a window");
    }
    let roles = [("answers", &declaration.answers), ("removes", &declaration.removes), ("clears", &declaration.clears)];
    for (index, (field, names)) in roles.iter().enumerate() {
        let before = roles[..index].iter().flat_map(|(_, names)| names.iter()).chain(&declaration.events);
        if before.into_iter().any(|name| names.contains(name)) {
            build.wrong(path, field, "names an event that has another part here");
        }
    }
    complete
}
