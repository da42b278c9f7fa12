//! Bands between the steps of journeys: a Sankey diagram.

use std::collections::{BTreeMap, BTreeSet};

use crate::canvas::{Canvas, Look, Outline};
use crate::theme::{INK, LOSS, QUIET, SERIES, SMALL, Unit, fitted};
use crate::{PlotError, within};

/// Steps that a picture can show.
pub const MAX_STEPS: usize = 30;
/// Bands that it takes; rare events of a step become one.
pub const MAX_BANDS: usize = 100_000;
/// Events of a step that are shown by name.
const NAMED: usize = 9;
/// The name of what is not shown by name.
const OTHERS: &str = "others";

/// How many go from an event at a step to an event at the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    /// The step that it leaves, from 1.
    pub step: usize,
    /// The event there.
    pub from: String,
    /// The event at the next step; nothing where journeys end.
    pub to: Option<String>,
    /// How many.
    pub count: u64,
}

/// A Sankey diagram.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sankey {
    /// The title.
    pub title: String,
    /// The bands, in any order.
    pub bands: Vec<Band>,
}

const COLUMN: f64 = 190.0;
const NODE: f64 = 14.0;
const TALL: f64 = 420.0;
const GAP: f64 = 10.0;
const TOP: f64 = 74.0;

/// An event at a step.
struct Node<'a> {
    name: &'a str,
    count: u64,
    y: f64,
    /// Where the next band that leaves or arrives begins.
    out: f64,
    into: f64,
}

impl Sankey {
    /// The picture. Each step shows its most frequent events by name and the rest as one.
    ///
    /// # Errors
    /// [`PlotError`] when there are no or too many bands or steps.
    pub fn svg(&self) -> Result<String, PlotError> {
        within("bands", self.bands.len(), MAX_BANDS)?;
        if self.bands.iter().any(|band| band.step == 0) {
            return Err(PlotError::Inconsistent("a band leaves step 0; steps count from 1".to_owned()));
        }
        let goes_on = |band: &&Band| band.to.is_some();
        let last = self.bands.iter().map(|band| band.step + usize::from(goes_on(&band))).max().unwrap_or_default();
        within("steps", last, MAX_STEPS)?;
        let named: Vec<BTreeSet<&str>> = (1..=last).map(|step| self.named(step)).collect();
        let label = |step: usize, name: &'_ str| -> &str { named[step - 1].get(name).copied().unwrap_or(OTHERS) };
        let mut flows: BTreeMap<(usize, &str, Option<&str>), u64> = BTreeMap::new();
        for band in &self.bands {
            let to = band.to.as_deref().map(|to| label(band.step + 1, to));
            *flows.entry((band.step, label(band.step, &band.from), to)).or_default() += band.count;
        }
        let mut columns: Vec<Vec<Node<'_>>> = (1..=last).map(|step| nodes(step, &flows)).collect();
        let most = columns.iter().map(|nodes| nodes.iter().map(|node| node.count).sum::<u64>()).max();
        let scale = TALL / most.unwrap_or(1).max(1) as f64;
        for nodes in &mut columns {
            let mut y = TOP;
            for node in nodes {
                (node.y, node.out, node.into) = (y, y, y);
                y += node.count as f64 * scale + GAP;
            }
        }
        let bottom = TOP + TALL + GAP * (NAMED + 1) as f64;
        let across = 40.0 + COLUMN * last as f64;
        let mut canvas = Canvas::new(across.max(400.0), bottom + 10.0, &self.title, &self.description(last));
        self.draw(&mut canvas, &mut columns, &flows, scale);
        Ok(canvas.finish())
    }

    fn draw(
        &self,
        canvas: &mut Canvas,
        columns: &mut [Vec<Node<'_>>],
        flows: &BTreeMap<(usize, &str, Option<&str>), u64>,
        scale: f64,
    ) {
        let x = |step: usize| 20.0 + COLUMN * (step as f64 - 1.0);
        for step in 1..=columns.len() {
            let place = |nodes: &[Node<'_>], name: &str| nodes.iter().position(|node| node.name == name);
            let mut own: Vec<(usize, usize, Option<usize>, u64)> = flows
                .range((step, "", None)..(step + 1, "", None))
                .filter_map(|((_, from, to), count)| {
                    let next = to.and_then(|to| place(columns.get(step)?, to));
                    Some((place(&columns[step - 1], from)?, next.unwrap_or(usize::MAX), next, *count))
                })
                .collect();
            // Bands leave and arrive in the order of where they go and come from, so that they cross little.
            own.sort_unstable();
            for (from, _, to, count) in own {
                let thick = count as f64 * scale;
                let name = columns[step - 1][from].name;
                let start = columns[step - 1][from].out;
                columns[step - 1][from].out += thick;
                let left = x(step) + NODE;
                let shown = Unit::Number.label(count as f64);
                let Some(to) = to else {
                    let outline = Outline::from(left, start)
                        .to(left + 22.0, start + 4.0)
                        .to(left + 22.0, start + thick.max(1.0) + 4.0)
                        .to(left, start + thick.max(1.0))
                        .closed();
                    canvas.area(&outline, LOSS, 1.0, &format!("step {step}, {name}: {shown} end here"));
                    continue;
                };
                let end = columns[step][to].into;
                columns[step][to].into += thick;
                let (right, middle) = (x(step + 1), (left + x(step + 1)) / 2.0);
                let outline = Outline::from(left, start)
                    .bend((middle, start), (middle, end), (right, end))
                    .to(right, end + thick)
                    .bend((middle, end + thick), (middle, start + thick), (left, start + thick))
                    .closed();
                let tip = format!("step {step}, {name} > {}: {shown}", columns[step][to].name);
                canvas.area(&outline, SERIES[0], 0.28, &tip);
            }
        }
        for (at, nodes) in columns.iter().enumerate() {
            let left = x(at + 1);
            let quiet = Look { size: SMALL, colour: QUIET, ..Look::PLAIN };
            canvas.text(left, TOP - 14.0, &format!("step {}", at + 1), quiet);
            for node in nodes {
                let tall = (node.count as f64 * scale).max(1.0);
                let shown = Unit::Number.label(node.count as f64);
                canvas.rect((left, node.y), (NODE, tall), SERIES[0], &format!("{}: {shown}", node.name));
                let text = fitted(&format!("{} {shown}", node.name), SMALL, COLUMN - NODE - 14.0);
                let look = Look { size: SMALL, colour: INK, ..Look::PLAIN };
                canvas.text(left + NODE + 6.0, node.y + tall / 2.0 + SMALL * 0.35, &text, look);
            }
        }
    }

    /// The most frequent events of a step, ties by name.
    fn named(&self, step: usize) -> BTreeSet<&str> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for band in &self.bands {
            if band.step == step {
                *counts.entry(&band.from).or_default() += band.count;
            }
            // An event of the last step leaves nothing: it counts by what arrives.
            if let Some(to) = band.to.as_deref().filter(|_| band.step + 1 == step) {
                *counts.entry(to).or_default() += band.count;
            }
        }
        let mut ranked: Vec<(u64, &str)> = counts.into_iter().map(|(name, count)| (count, name)).collect();
        ranked.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        ranked.into_iter().take(NAMED).map(|(_, name)| name).collect()
    }

    fn description(&self, steps: usize) -> String {
        let first: u64 = self.bands.iter().filter(|band| band.step == 1).map(|band| band.count).sum();
        let ended: u64 = self.bands.iter().filter(|band| band.to.is_none()).map(|band| band.count).sum();
        format!("{first} journeys over {steps} steps, of which {ended} end on the way")
    }
}

/// The events of a step with how many come through, the most frequent first and the others last.
fn nodes<'a>(step: usize, flows: &BTreeMap<(usize, &'a str, Option<&'a str>), u64>) -> Vec<Node<'a>> {
    let (mut out, mut into): (BTreeMap<&str, u64>, BTreeMap<&str, u64>) = (BTreeMap::new(), BTreeMap::new());
    for ((at, from, to), count) in flows {
        if *at == step {
            *out.entry(from).or_default() += count;
        }
        if let Some(to) = to.filter(|_| at + 1 == step) {
            *into.entry(to).or_default() += count;
        }
    }
    for (name, count) in into {
        let own = out.entry(name).or_default();
        *own = (*own).max(count);
    }
    let mut nodes: Vec<Node<'_>> =
        out.into_iter().map(|(name, count)| Node { name, count, y: 0.0, out: 0.0, into: 0.0 }).collect();
    nodes.sort_by(|a, b| {
        (a.name == OTHERS).cmp(&(b.name == OTHERS)).then(b.count.cmp(&a.count)).then(a.name.cmp(b.name))
    });
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::tests::well_formed;

    fn band(step: usize, from: &str, to: Option<&str>, count: u64) -> Band {
        Band { step, from: from.to_owned(), to: to.map(str::to_owned), count }
    }

    fn sankey(bands: Vec<Band>) -> Sankey {
        Sankey { title: "first steps".to_owned(), bands }
    }

    #[test]
    fn bands_and_ends_are_drawn() {
        let picture = sankey(vec![
            band(1, "home", Some("view"), 60),
            band(1, "home", None, 40),
            band(2, "view", Some("cart"), 20),
            band(2, "view", None, 40),
        ]);
        let svg = picture.svg().unwrap();
        well_formed(&svg);
        for text in ["step 1, home &gt; view: 60", "step 1, home: 40 end here", ">cart 20<", ">view 60<"] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(svg.contains("100 journeys over 3 steps, of which 80 end on the way"));
    }

    #[test]
    fn rare_events_become_one_and_none_is_lost() {
        let names: Vec<String> = (0..30).map(|at| format!("e{at:02}")).collect();
        let bands = names.iter().zip(1..).map(|(name, count)| band(1, name, Some("end"), count)).collect();
        let svg = sankey(bands).svg().unwrap();
        let rest: u64 = (1..=30 - NAMED as u64).sum();
        assert!(svg.contains(&format!("others &gt; end: {rest}")) && svg.contains("end 465"));
    }

    #[test]
    fn what_cannot_be_drawn_is_said() {
        assert_eq!(sankey(Vec::new()).svg(), Err(PlotError::Empty("bands")));
        let long = |steps: usize| sankey((1..steps).map(|step| band(step, "a", Some("a"), 1)).collect()).svg();
        assert!(long(MAX_STEPS).is_ok());
        assert!(matches!(long(MAX_STEPS + 1), Err(PlotError::TooMany { what: "steps", .. })));
        assert!(matches!(sankey(vec![band(0, "a", None, 1)]).svg(), Err(PlotError::Inconsistent(_))));
    }
}
