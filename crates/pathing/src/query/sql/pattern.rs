//! A pattern as a count of matches in SQL.
//!
//! A row is as many characters as there are atoms, 0 or 1 each, so that an event is an alternative of strings of that
//! length and a sequence of rows a text over which a regular expression runs. For every beginning the longest length is
//! looked for at which the expression matches all of it and what must not follow does not; ClickHouse's own search takes
//! the first alternative that fits instead of the longest match, so it is asked about whole texts only.

use super::super::Invalid;
use crate::pattern::Pattern;
use crate::pattern::tree::Node;

/// Repetitions that RE2 takes.
const MAX_REPEAT: u32 = 1000;

/// A row's characters.
pub(super) fn bits(atoms: usize) -> String {
    let each: Vec<String> = (0..atoms).map(|at| format!("if(is_{at}, '1', '0')")).collect();
    match each.len() {
        // At least one character, so that rows can be counted.
        0 => "'0'".to_owned(),
        1 => each.concat(),
        _ => format!("concat({})", each.join(", ")),
    }
}

/// One way in which a pattern can end.
#[derive(Debug, Clone, Default)]
struct Branch {
    starts: bool,
    regex: String,
    /// Groups of which none follows.
    absent: Vec<Vec<u32>>,
    ends: bool,
}

/// The number of matches in `events`, tuples of time, order and bits.
pub(super) fn matches(pattern: &Pattern, within: Option<u128>, overlapping: bool) -> Result<String, Invalid> {
    let atoms = pattern.program().atoms.len();
    let wide = atoms.max(1);
    let branches = branches(pattern.tree(), wide)?;
    let fits: Vec<String> = branches.iter().map(|branch| fit(branch, wide, within)).collect();
    let limit = within.map_or(String::new(), |within| format!("times[i + n - 1] - times[i] <= {within} AND "));
    let text = "arrayStringConcat(arrayMap(x -> x.3, events))";
    // For each beginning the longest match, 0 for none.
    let longest = format!(
        "arrayMap(i -> arrayMax(arrayConcat([0], arrayFilter(n -> {limit}({}), range(1, toUInt64(length(times) - i + 2))))), \
         range(1, toUInt64(length(times) + 1)))",
        fits.join(" OR ")
    );
    let count = if overlapping {
        format!("arrayCount(n -> n > 0, {longest})")
    } else {
        // The next one begins after the end of the last.
        format!(
            "arrayFold((a, n, i) -> if(i >= a.1 AND n > 0, (toUInt64(i + n), toUInt64(a.2 + 1)), a), \
             arrayMap(n -> toUInt64(n), {longest}), range(1, toUInt64(length(times) + 1)), (toUInt64(1), toUInt64(0))).2"
        )
    };
    // Names for what is used often; a lambda of one element is ClickHouse's let.
    Ok(format!("arrayMap((times, text) -> {count}, [arrayMap(x -> x.1, events)], [{text}])[1]"))
}

/// Whether the rows from `i` on, `n` of them, match a branch.
fn fit(branch: &Branch, wide: usize, within: Option<u128>) -> String {
    let mut all = Vec::new();
    if branch.starts {
        all.push("i = 1".to_owned());
    }
    if branch.ends {
        all.push("i + n - 1 = length(times)".to_owned());
    }
    all.push(format!("match(substring(text, (i - 1) * {wide} + 1, n * {wide}), '^(?:{})$')", branch.regex));
    for group in &branch.absent {
        let is: Vec<String> =
            group.iter().map(|atom| format!("substring(text, (j - 1) * {wide} + {}, 1) = '1'", atom + 1)).collect();
        let near = within.map_or(String::new(), |within| format!(" AND times[j] <= times[i + n - 1] + {within}"));
        all.push(format!(
            "NOT arrayExists(j -> ({}){near}, range(toUInt64(i + n), toUInt64(length(times) + 1)))",
            is.join(" OR ")
        ));
    }
    format!("({})", all.join(" AND "))
}

/// The alternatives of a pattern with what stands at their ends.
fn branches(node: &Node, wide: usize) -> Result<Vec<Branch>, Invalid> {
    // What speaks of events alone stays together, however many alternatives it has.
    if !has_edges(node) {
        return Ok(vec![Branch { regex: regex(node, wide)?, ..Branch::default() }]);
    }
    match node {
        Node::Either(nodes) => {
            let all: Result<Vec<Vec<Branch>>, Invalid> = nodes.iter().map(|node| branches(node, wide)).collect();
            Ok(all?.concat())
        }
        Node::Start => Ok(vec![Branch { starts: true, ..Branch::default() }]),
        Node::End => Ok(vec![Branch { ends: true, ..Branch::default() }]),
        Node::Absent(group) => Ok(vec![Branch { absent: vec![group.clone()], ..Branch::default() }]),
        Node::Sequence(nodes) => {
            let mut found = vec![Branch::default()];
            for node in nodes {
                let next = branches(node, wide)?;
                let mut longer = Vec::with_capacity(found.len() * next.len());
                for (before, after) in found.iter().flat_map(|before| next.iter().map(move |after| (before, after))) {
                    longer.push(joined(before, after)?);
                }
                found = longer;
            }
            Ok(found)
        }
        Node::Event(_) | Node::Other(_) | Node::Repeat { .. } => {
            Ok(vec![Branch { regex: regex(node, wide)?, ..Branch::default() }])
        }
    }
}

/// Whether it speaks of more than events.
fn has_edges(node: &Node) -> bool {
    match node {
        Node::Event(_) | Node::Other(_) => false,
        Node::Absent(_) | Node::Start | Node::End => true,
        Node::Sequence(nodes) | Node::Either(nodes) => nodes.iter().any(has_edges),
        Node::Repeat { node, .. } => has_edges(node),
    }
}

/// One after the other, where that can be said.
fn joined(before: &Branch, after: &Branch) -> Result<Branch, Invalid> {
    let closed = before.ends || !before.absent.is_empty();
    if closed && !after.regex.is_empty() || after.starts && !before.regex.is_empty() {
        return Err(inside());
    }
    let mut absent = before.absent.clone();
    absent.extend(after.absent.iter().cloned());
    Ok(Branch {
        starts: before.starts || after.starts,
        regex: format!("{}{}", before.regex, after.regex),
        absent,
        ends: before.ends || after.ends,
    })
}

fn inside() -> Invalid {
    Invalid::new("pattern", "clickhouse has no way to say '^', '$' or what must not follow inside a pattern")
}

fn regex(node: &Node, wide: usize) -> Result<String, Invalid> {
    let all = |nodes: &[Node]| nodes.iter().map(|node| regex(node, wide)).collect::<Result<Vec<_>, _>>();
    Ok(match node {
        Node::Event(atoms) => {
            let one = |atom: &u32| {
                let before = *atom as usize;
                format!("{}1{}", any(before), any(wide - before - 1))
            };
            format!("(?:{})", atoms.iter().map(one).collect::<Vec<_>>().join("|"))
        }
        Node::Other(atoms) => (0..wide).map(|at| if atoms.contains(&(at as u32)) { "0" } else { "." }).collect(),
        Node::Sequence(nodes) => format!("(?:{})", all(nodes)?.concat()),
        Node::Either(nodes) => format!("(?:{})", all(nodes)?.join("|")),
        Node::Repeat { min, max, .. } if max.unwrap_or(*min) > MAX_REPEAT => {
            let message = format!("clickhouse repeats a part at most {MAX_REPEAT} times");
            return Err(Invalid::new("pattern", message));
        }
        Node::Repeat { node, min, max } => {
            let bounds = match max {
                None => format!("{{{min},}}"),
                Some(max) => format!("{{{min},{max}}}"),
            };
            format!("(?:{}){bounds}", regex(node, wide)?)
        }
        Node::Absent(_) | Node::Start | Node::End => return Err(inside()),
    })
}

fn any(count: usize) -> String {
    ".".repeat(count)
}
