//! Draws one picture of each kind into a folder: `cargo run -p attune-plot --example gallery -- FOLDER`.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "an example for people")]

use attune_plot::bars::{self, Bars};
use attune_plot::funnel::{Funnel, Step};
use attune_plot::graph::{Edge, Graph, Node};
use attune_plot::heat::{self, Heat};
use attune_plot::lines::{Axis, Lines, Point, Reference, Series};
use attune_plot::sankey::{Band, Sankey};
use attune_plot::theme::Unit;

fn main() {
    let folder = std::path::PathBuf::from(std::env::args().nth(1).expect("a folder"));
    let pictures = [
        ("bars.svg", bars().svg()),
        ("lines.svg", lines().svg()),
        ("calibration.svg", calibration().svg()),
        ("funnel.svg", funnel().svg()),
        ("graph.svg", graph().svg()),
        ("heat.svg", heat().svg()),
        ("sankey.svg", sankey().svg()),
    ];
    for (name, svg) in pictures {
        let path = folder.join(name);
        std::fs::write(&path, svg.expect("a picture")).expect("a file that can be written");
        println!("{}", path.display());
    }
}

fn bars() -> Bars {
    let row = |label: &str, value: f64, half: f64| bars::Row {
        label: label.to_owned(),
        values: vec![Some(bars::Value { value, interval: Some((value - half, value + half)) })],
    };
    Bars {
        title: "What makes customers return".to_owned(),
        axis: "change of the log odds".to_owned(),
        series: vec!["effect".to_owned()],
        rows: vec![
            row("review written", 0.62, 0.11),
            row("chat with a person", 0.31, 0.2),
            row("slow page", -0.44, 0.13),
        ],
        ..Bars::default()
    }
}

fn lines() -> Lines {
    let series = |name: &str, rate: f64| Series {
        name: name.to_owned(),
        points: (0..200u32)
            .map(|at| {
                let x = f64::from(at) * 100.0;
                let y = rate * (1.0 - (-x / 4000.0).exp()) + 0.02;
                let half = 0.4 / (x + 400.0).sqrt();
                Point { x, y, interval: Some((y - half, y + half)) }
            })
            .collect(),
    };
    Lines {
        title: "Answers by decisions".to_owned(),
        x: Axis { label: "decisions".to_owned(), unit: Unit::Number },
        y: Axis { label: "response rate".to_owned(), unit: Unit::Share },
        series: vec![series("learner", 0.08), series("random", 0.01)],
        reference: Some(Reference::Level(0.1)),
    }
}

fn calibration() -> Lines {
    let points = (1..10u32).map(|at| {
        let x = f64::from(at) / 10.0;
        Point { x, y: x * 0.9 + 0.03, interval: Some((x * 0.9 - 0.02, x * 0.9 + 0.08)) }
    });
    Lines {
        title: "Calibration".to_owned(),
        x: Axis { label: "predicted".to_owned(), unit: Unit::Share },
        y: Axis { label: "observed".to_owned(), unit: Unit::Share },
        series: vec![Series { name: "model".to_owned(), points: points.collect() }],
        reference: Some(Reference::Diagonal),
    }
}

fn funnel() -> Funnel {
    let steps = [("home", 97_597, None), ("search", 96_210, Some(207.0)), ("view", 95_040, Some(92.0))];
    let more = [("cart", 86_282, Some(59.0)), ("pay", 47_063, Some(115.0))];
    let step = |(name, reached, median_seconds): (&str, u64, Option<f64>)| Step {
        name: name.to_owned(),
        reached,
        median_seconds,
    };
    Funnel {
        title: "From home to pay within a day".to_owned(),
        steps: steps.into_iter().chain(more).map(step).collect(),
    }
}

fn graph() -> Graph {
    let names = ["home", "search", "view", "cart", "pay", "help"];
    let edges = [(0, 1, 900), (1, 2, 700), (2, 1, 250), (2, 3, 400), (3, 4, 220), (2, 2, 150), (0, 5, 60), (5, 0, 30)];
    Graph {
        title: "Which event follows which".to_owned(),
        note: "all edges".to_owned(),
        nodes: names.iter().map(|name| Node { name: (*name).to_owned(), count: 1000 }).collect(),
        edges: edges.map(|(from, to, count)| Edge { from, to, count, label: "12 s".to_owned() }).to_vec(),
    }
}

fn heat() -> Heat {
    let row = |at: usize| heat::Row {
        label: format!("2026-{:02}-01", at + 1),
        size: 1200 - 100 * at as u64,
        shares: (0..8).map(|period| (period + at < 8).then(|| 1.0 / (1.0 + period as f64 * 0.6))).collect(),
    };
    Heat {
        title: "Who comes back, by week of the first visit".to_owned(),
        columns: (0..8).map(|at| format!("week {at}")).collect(),
        rows: (0..8).map(row).collect(),
    }
}

fn sankey() -> Sankey {
    let bands = [
        (1, "home", Some("search"), 500),
        (1, "home", Some("view"), 200),
        (1, "home", None, 150),
        (1, "campaign", Some("view"), 300),
        (2, "search", Some("view"), 350),
        (2, "search", None, 150),
        (2, "view", Some("cart"), 220),
        (2, "view", None, 280),
        (3, "view", Some("cart"), 100),
        (3, "view", None, 250),
        (3, "cart", Some("pay"), 180),
        (3, "cart", None, 40),
    ];
    let band = |(step, from, to, count): (usize, &str, Option<&str>, u64)| Band {
        step,
        from: from.to_owned(),
        to: to.map(str::to_owned),
        count,
    };
    Sankey { title: "First steps".to_owned(), bands: bands.into_iter().map(band).collect() }
}
