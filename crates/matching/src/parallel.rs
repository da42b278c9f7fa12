//! Work on several threads with results in the order of the input, so that the number of threads changes nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Applies a function to every item, on so many threads.
pub(crate) fn map<T: Send, R: Send>(threads: usize, items: Vec<T>, apply: impl Fn(T) -> R + Sync) -> Vec<R> {
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
