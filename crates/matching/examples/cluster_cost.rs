//! Measures what clustering costs, apart from everything else.
//!
//! ```text
//! cluster_cost [RECORDS] [THREADS]
//! ```
//!
//! Persons have one to four records, every pair of them an edge; some edges join persons who have nothing to do with one
//! another. Prints the CPU seconds of choosing a threshold and of clustering, on one thread unless said otherwise, and the
//! memory that the process held at most.

#![allow(clippy::print_stdout, reason = "a program for people")]

use attune_matching::cluster::{Edge, Rule, Task, cluster};
use attune_matching::threshold::{Aim, decide};

fn main() {
    let mut words = std::env::args().skip(1).map(|word| word.parse::<usize>().unwrap_or(1));
    let (records, threads) = (words.next().unwrap_or(1_000_000), words.next().unwrap_or(1));
    let mut state = 1_u64;
    let mut next = |end: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % end.max(1)
    };
    // Records of a person do not lie side by side.
    let mut order: Vec<u32> = (0..records as u32).collect();
    for at in (1..records).rev() {
        order.swap(at, next(at as u64 + 1) as usize);
    }
    let mut person = vec![0_u32; records];
    let mut edges = Vec::new();
    let mut from = 0;
    while from < records {
        let to = (from + 1 + next(4) as usize).min(records);
        for (at, left) in order[from..to].iter().enumerate() {
            person[*left as usize] = from as u32;
            for right in &order[from + at + 1..to] {
                edges.push(Edge { left: *left, right: *right, weight: 4.0 + next(20) as f32 });
            }
        }
        if next(20) == 0 {
            let other = next(records as u64) as u32;
            edges.push(Edge { left: order[from], right: other, weight: 12.0 - next(18) as f32 });
        }
        from = to;
    }
    edges.sort_unstable_by_key(|edge| (edge.left, edge.right));
    let task = Task { records, edges: &edges, ..Task::default() };
    let score = |left: u32, right: u32| if person[left as usize] == person[right as usize] { 9.0 } else { -11.0 };
    println!("records {records}, edges {}, peak before {} MB", edges.len(), peak());
    let begin = cpu();
    let choice = decide(&task, &score, None, &Aim::default());
    println!("threshold {:.2}: {:.3} s", choice.weight, cpu() - begin);
    let begin = cpu();
    let found = cluster(&task, &Rule::new(choice.weight), &score, threads);
    println!("clusters {}: {:.3} s, peak {} MB", found.clusters, cpu() - begin, peak());
}

/// CPU seconds of the process so far, as Linux tells them in hundredths; 0 elsewhere.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// The most memory the process held so far, in MB; 0 where the system does not say.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0) / 1024
}
