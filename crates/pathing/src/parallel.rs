//! Work on several threads with results in the order of the input, so that the number of threads changes nothing.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rows below which threads cost more than they bring.
const WORTH_IT: usize = 1 << 16;

/// Cuts sequences into parts with about as many rows each, applies a function to every part on so many threads, and
/// answers the results in order. `starts` holds the first row of each sequence and the number of rows at the end.
pub fn map<R: Send>(threads: usize, starts: &[u32], apply: impl Fn(Range<usize>) -> R + Sync) -> Vec<R> {
    let sequences = starts.len().saturating_sub(1);
    let rows = starts.last().map_or(0, |end| *end as usize);
    if threads <= 1 || rows < WORTH_IT || sequences < 2 {
        return vec![apply(0..sequences)];
    }
    let parts = (4 * threads).min(sequences);
    let mut ends: Vec<usize> =
        (1..parts).map(|part| starts.partition_point(|start| (*start as usize) < rows / parts * part)).collect();
    ends.push(sequences);
    let ranges: Vec<Range<usize>> =
        ends.iter().scan(0, |start, end| Some(std::mem::replace(start, *end)..*end)).collect();
    each(threads, ranges, apply)
}

/// Lists one after another, without copying the first.
#[must_use]
pub fn joined<T>(parts: Vec<Vec<T>>) -> Vec<T> {
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or_default();
    parts.for_each(|part| all.extend(part));
    all
}

/// Applies a function to every item on so many threads; answers the results in order.
pub fn each<T: Send, R: Send>(threads: usize, items: Vec<T>, apply: impl Fn(T) -> R + Sync) -> Vec<R> {
    if threads <= 1 || items.len() <= 1 {
        return items.into_iter().map(apply).collect();
    }
    let next = AtomicUsize::new(0);
    let inputs: Vec<parking_lot::Mutex<Option<T>>> =
        items.into_iter().map(|item| parking_lot::Mutex::new(Some(item))).collect();
    let outputs: Vec<parking_lot::Mutex<Option<R>>> = inputs.iter().map(|_| parking_lot::Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..threads.min(inputs.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = inputs.get(at).and_then(|input| input.lock().take()) else { break };
                    *outputs[at].lock() = Some(apply(item));
                }
            });
        }
    });
    outputs.into_iter().filter_map(parking_lot::Mutex::into_inner).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn parts_cover_every_sequence_once_and_in_order() {
        for sequences in [0usize, 1, 2, 7, 100_000] {
            let starts: Vec<u32> = (0..=sequences as u32).map(|at| at * 40_000 / (1 + sequences as u32 / 50)).collect();
            for threads in [1, 2, 5] {
                let parts = super::map(threads, &starts, |range| range.collect::<Vec<_>>());
                assert_eq!(parts.concat(), (0..sequences).collect::<Vec<_>>(), "{sequences} {threads}");
            }
        }
    }
}
