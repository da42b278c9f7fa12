//! Absorption of a chain.

/// A chain without its steps to itself: rows of steps to other states, and what is gained where a path ends.
#[derive(Debug)]
pub(crate) struct Chain {
    starts: Vec<usize>,
    to: Vec<u32>,
    share: Vec<f64>,
    gains: Vec<[f64; 2]>,
}

/// States up to which the equations are solved by elimination.
const DENSE: usize = 256;
/// Sweeps after which equations are given up.
const SWEEPS: usize = 100_000;

impl Chain {
    pub(crate) fn new(states: usize) -> Self {
        Self { starts: vec![0], to: Vec::new(), share: Vec::new(), gains: Vec::with_capacity(states) }
    }

    /// Adds the row of the next state.
    pub(crate) fn row(&mut self, steps: impl Iterator<Item = (u32, f64)>, gain: [f64; 2]) {
        for (to, share) in steps {
            self.to.push(to);
            self.share.push(share);
        }
        self.starts.push(self.to.len());
        self.gains.push(gain);
    }

    fn states(&self) -> usize {
        self.gains.len()
    }

    fn steps(&self, state: usize) -> impl Iterator<Item = (usize, f64)> {
        let span = self.starts[state]..self.starts[state + 1];
        self.to[span.clone()].iter().zip(&self.share[span]).map(|(to, share)| (*to as usize, *share))
    }
}

/// What is gained in expectation from state 0 on, when steps to removed states end in nothing; none when it does not settle.
pub(crate) fn absorption(chain: &Chain, removed: Option<&dyn Fn(usize) -> bool>) -> Option<[f64; 2]> {
    let removed: Vec<bool> = (0..chain.states()).map(|state| removed.is_some_and(|removed| removed(state))).collect();
    if chain.states() <= DENSE { eliminate(chain, &removed) } else { sweep(chain, &removed) }
}

/// Gaussian elimination. Without pivoting: every row of `I - Q` is dominated by its diagonal, and elimination keeps that.
fn eliminate(chain: &Chain, removed: &[bool]) -> Option<[f64; 2]> {
    let states = chain.states();
    let width = states + 2;
    let mut rows = vec![0.0; states * width];
    for state in 0..states {
        let row = &mut rows[state * width..(state + 1) * width];
        row[state] = 1.0;
        if removed[state] {
            continue;
        }
        for (to, share) in chain.steps(state).filter(|(to, _)| !removed[*to]) {
            row[to] -= share;
        }
        row[states..].copy_from_slice(&chain.gains[state]);
    }
    // From the last state to the first, so that the answer of state 0 is left over.
    for pivot in (1..states).rev() {
        let (above, own) = rows.split_at_mut(pivot * width);
        let own = &own[..width];
        if own[pivot].abs() < 1e-300 {
            return None;
        }
        for row in above.chunks_exact_mut(width).filter(|row| row[pivot] != 0.0) {
            let factor = row[pivot] / own[pivot];
            for at in (0..pivot).chain(states..width) {
                row[at] -= factor * own[at];
            }
        }
    }
    (rows[0] > 1e-300).then(|| [rows[states] / rows[0], rows[states + 1] / rows[0]])
}

/// Gauss-Seidel sweeps from the longest histories to the start, until no answer moves by more than rounding.
fn sweep(chain: &Chain, removed: &[bool]) -> Option<[f64; 2]> {
    let states = chain.states();
    let mut gained = vec![[0.0; 2]; states];
    for _ in 0..SWEEPS {
        let mut change: f64 = 0.0;
        for state in (0..states).rev().filter(|state| !removed[*state]) {
            let mut new = chain.gains[state];
            for (to, share) in chain.steps(state).filter(|(to, _)| !removed[*to]) {
                new[0] += share * gained[to][0];
                new[1] += share * gained[to][1];
            }
            for (new, old) in new.iter().zip(&gained[state]) {
                change = change.max((new - old).abs() / old.abs().max(1e-3));
            }
            gained[state] = new;
        }
        if change < 1e-14 {
            return Some(gained[0]);
        }
    }
    None
}
