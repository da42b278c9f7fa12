//! A graph of events: which follows which, in layers from above.

use crate::canvas::{Align, Canvas, Look, Outline, Stroke};
use crate::layers::layers;
use crate::theme::{INK, PAPER, QUIET, RULE, SERIES, SMALL, TEXT, Unit, fitted, width};
use crate::{PlotError, within};

/// Nodes that a picture can show.
pub const MAX_NODES: usize = 100;
/// Edges that a picture can show.
pub const MAX_EDGES: usize = 400;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// How often it occurs.
    pub count: u64,
}

/// That an event follows another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The number of the first event in the nodes.
    pub from: usize,
    /// The number of the second.
    pub to: usize,
    /// How often.
    pub count: u64,
    /// What more to say, such as the median time.
    pub label: String,
}

/// A graph.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Graph {
    /// The title.
    pub title: String,
    /// What is left out of the picture, below the title.
    pub note: String,
    /// The events.
    pub nodes: Vec<Node>,
    /// Which follow which.
    pub edges: Vec<Edge>,
}

const BOX: f64 = 36.0;
const LAYER: f64 = 110.0;
const GAP: f64 = 48.0;

/// Where a node stands: its centre and its width.
#[derive(Debug, Clone, Copy)]
struct Place {
    x: f64,
    y: f64,
    width: f64,
    layer: usize,
}

impl Graph {
    /// The picture.
    ///
    /// # Errors
    /// [`PlotError`] when there are no or too many nodes or edges, or an edge names a node that is not there.
    pub fn svg(&self) -> Result<String, PlotError> {
        within("nodes", self.nodes.len(), MAX_NODES)?;
        if self.edges.len() > MAX_EDGES {
            return Err(PlotError::TooMany { what: "edges", count: self.edges.len(), limit: MAX_EDGES });
        }
        if self.edges.iter().any(|edge| edge.from.max(edge.to) >= self.nodes.len()) {
            return Err(PlotError::Inconsistent("an edge joins a node that is not there".to_owned()));
        }
        let (places, size) = self.places();
        let mut canvas = Canvas::new(size.0, size.1, &self.title, &self.description());
        let note = fitted(&self.note, SMALL, size.0 - 40.0);
        canvas.text(20.0, 50.0, &note, Look { size: SMALL, colour: QUIET, ..Look::PLAIN });
        let most = self.edges.iter().map(|edge| edge.count).max().unwrap_or(1).max(1) as f64;
        // Rare edges first: the frequent ones lie above them.
        let mut edges: Vec<&Edge> = self.edges.iter().collect();
        edges.sort_by_key(|edge| (edge.count, edge.from, edge.to));
        let labels: Vec<(f64, f64, String)> = edges
            .into_iter()
            .map(|edge| self.edge(&mut canvas, edge, (&places[edge.from], &places[edge.to]), edge.count as f64 / most))
            .collect();
        for (node, place) in self.nodes.iter().zip(&places) {
            let tip = format!("{}: {}", node.name, Unit::Number.label(node.count as f64));
            canvas.rect((place.x - place.width / 2.0, place.y - BOX / 2.0), (place.width, BOX), SERIES[0], &tip);
            let look = Look { colour: PAPER, align: Align::Middle, bold: true, ..Look::PLAIN };
            canvas.text(place.x, place.y - 2.0, &fitted(&node.name, TEXT, place.width - 12.0), look);
            let small = Look { size: SMALL, colour: PAPER, align: Align::Middle, bold: false };
            canvas.text(place.x, place.y + 12.0, &Unit::Number.label(node.count as f64), small);
        }
        for (x, y, text) in labels {
            let room = width(&text, SMALL) + 4.0;
            canvas.rect((x - room / 2.0, y - SMALL), (room, SMALL + 4.0), PAPER, "");
            let look = Look { size: SMALL, colour: INK, align: Align::Middle, bold: false };
            canvas.text(x, y, &text, look);
        }
        Ok(canvas.finish())
    }

    fn places(&self) -> (Vec<Place>, (f64, f64)) {
        let edges: Vec<(usize, usize, u64)> = self.edges.iter().map(|edge| (edge.from, edge.to, edge.count)).collect();
        let layers = layers(self.nodes.len(), &edges);
        let wide = |node: usize| (width(&self.nodes[node].name, TEXT) + 24.0).clamp(80.0, 220.0);
        let needs = |layer: &Vec<usize>| layer.iter().map(|node| wide(*node) + GAP).sum::<f64>() + 2.0 * GAP;
        let across = layers.iter().map(needs).fold(600.0, f64::max) + 60.0;
        let mut places = vec![Place { x: 0.0, y: 0.0, width: 0.0, layer: 0 }; self.nodes.len()];
        for (at, layer) in layers.iter().enumerate() {
            let mut x = (across - needs(layer)) / 2.0 + 1.5 * GAP;
            for node in layer {
                let width = wide(*node);
                places[*node] = Place { x: x + width / 2.0, y: 92.0 + LAYER * at as f64, width, layer: at };
                x += width + GAP;
            }
        }
        (places, (across, 92.0 + LAYER * (layers.len() as f64 - 1.0) + BOX + 30.0))
    }

    /// Draws an edge; answers where its label belongs.
    fn edge(&self, canvas: &mut Canvas, edge: &Edge, ends: (&Place, &Place), share: f64) -> (f64, f64, String) {
        let (from, to) = ends;
        let count = Unit::Number.label(edge.count as f64);
        let mut text = count.clone();
        if !edge.label.is_empty() {
            text.push_str(&format!(" · {}", edge.label));
        }
        let tip = format!("{} > {}: {text}", self.nodes[edge.from].name, self.nodes[edge.to].name);
        let thick = 1.0 + 6.0 * share;
        let backwards = to.layer <= from.layer;
        let colour = if backwards { SERIES[1] } else { RULE };
        let stroke = Stroke { colour, width: thick, dashed: false };
        if edge.from == edge.to {
            let (x, y) = (from.x + from.width / 2.0, from.y);
            let outline =
                Outline::from(x, y - 9.0).bend((x + 34.0, y - 24.0), (x + 34.0, y + 24.0), (x + 6.0, y + 9.0));
            canvas.curve(&outline, stroke, 0.7, &tip);
            canvas.area(&arrow((x, y + 9.0), (-1.0, 0.0), thick), colour, 1.0, "");
            return (x + 22.0, y - 20.0, count);
        }
        let (start, end, leave, arrive, towards) = if backwards {
            // Round the side of both, so that it is not taken for a way down.
            let side = if to.x >= from.x { 1.0 } else { -1.0 };
            let start = (from.x + side * from.width / 2.0, from.y);
            let end = (to.x + side * (to.width / 2.0 + 7.0), to.y);
            let out = side * (40.0 + 12.0 * (from.layer - to.layer) as f64);
            let turn = if side > 0.0 { start.0.max(end.0) } else { start.0.min(end.0) } + out;
            (start, end, (turn, start.1), (turn, end.1), (-side, 0.0))
        } else {
            let start = (from.x, from.y + BOX / 2.0);
            let end = (to.x, to.y - BOX / 2.0 - 7.0);
            let pull = (end.1 - start.1) * 0.5;
            (start, end, (start.0, start.1 + pull), (end.0, end.1 - pull), (0.0, 1.0))
        };
        canvas.curve(&Outline::from(start.0, start.1).bend(leave, arrive, end), stroke, 0.7, &tip);
        canvas.area(&arrow((end.0 + towards.0 * 7.0, end.1 + towards.1 * 7.0), towards, thick), colour, 1.0, "");
        // The middle of a cubic curve.
        let middle = |a: f64, b: f64, c: f64, d: f64| (a + 3.0 * b + 3.0 * c + d) / 8.0;
        (middle(start.0, leave.0, arrive.0, end.0), middle(start.1, leave.1, arrive.1, end.1) + 4.0, text)
    }

    fn description(&self) -> String {
        let mut edges: Vec<&Edge> = self.edges.iter().collect();
        edges.sort_by_key(|edge| (std::cmp::Reverse(edge.count), edge.from, edge.to));
        let name = |at: usize| &self.nodes[at].name;
        let top = edges.iter().take(5).map(|edge| format!("{} > {} {}", name(edge.from), name(edge.to), edge.count));
        let (nodes, edges) = (self.nodes.len(), self.edges.len());
        format!(
            "A graph of {nodes} events and {edges} edges; the most frequent: {}",
            top.collect::<Vec<_>>().join(", ")
        )
    }
}

/// The head of an arrow with its tip at a point, towards one of the four sides.
fn arrow(tip: (f64, f64), towards: (f64, f64), thick: f64) -> Outline {
    let (long, half) = (8.0, 4.0 + thick / 2.0);
    let back = (tip.0 - towards.0 * long, tip.1 - towards.1 * long);
    let across = (towards.1, -towards.0);
    Outline::from(tip.0, tip.1)
        .to(back.0 + across.0 * half, back.1 + across.1 * half)
        .to(back.0 - across.0 * half, back.1 - across.1 * half)
        .closed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::tests::well_formed;

    fn graph(nodes: usize, edges: &[(usize, usize, u64)]) -> Graph {
        Graph {
            title: "what follows what".to_owned(),
            note: "all of it".to_owned(),
            nodes: (0..nodes).map(|at| Node { name: format!("event {at}"), count: 10 }).collect(),
            edges: edges
                .iter()
                .map(|(from, to, count)| Edge { from: *from, to: *to, count: *count, label: "4 s".to_owned() })
                .collect(),
        }
    }

    #[test]
    fn ways_down_back_and_to_themselves_are_drawn() {
        let picture = graph(3, &[(0, 1, 90), (1, 2, 60), (2, 0, 5), (1, 1, 3)]);
        let svg = picture.svg().unwrap();
        well_formed(&svg);
        assert!(svg.contains("event 0 &gt; event 1: 90 · 4 s") && svg.contains("event 1 &gt; event 1: 3 · 4 s"));
        // The way back and the loop have the colour of what goes backwards: a line and an arrow each.
        assert_eq!(svg.matches(SERIES[1]).count(), 4);
        assert_eq!(svg, picture.svg().unwrap());
        well_formed(&graph(1, &[]).svg().unwrap());
    }

    #[test]
    fn what_cannot_be_drawn_is_said() {
        assert_eq!(graph(0, &[]).svg(), Err(PlotError::Empty("nodes")));
        assert!(graph(MAX_NODES, &[(0, 1, 1); MAX_EDGES]).svg().is_ok());
        assert!(matches!(graph(MAX_NODES + 1, &[]).svg(), Err(PlotError::TooMany { what: "nodes", .. })));
        assert!(matches!(graph(2, &[(0, 1, 1); MAX_EDGES + 1]).svg(), Err(PlotError::TooMany { what: "edges", .. })));
        let error = graph(1, &[(0, 1, 1)]).svg().unwrap_err();
        assert_eq!(error.to_string(), "an edge joins a node that is not there");
    }
}
