//! The best choice of one customer at given prices.

use crate::problem::Problem;

/// Nodes that an exact search may look at; beyond, the bound of what is left is used, which is valid and not exact.
const SEARCH: u32 = 20_000;

/// Room that is used again for each customer.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// Candidates with a positive rating: rating and place.
    candidates: Vec<(f64, u32)>,
    /// Places that are chosen.
    pub(crate) chosen: Vec<u32>,
    best: Vec<u32>,
}

/// The most that a customer can be worth at given ratings, and one choice; `chosen` has its places. `rating` is the value
/// less the prices. Exact when limits are nested and nothing is needed or must be; by branch and bound otherwise.
///
/// Greedy over a laminar matroid is exact (Edmonds 1971); the rest is depth-first search with the bound of the best
/// candidates left.
pub(crate) fn best(problem: &Problem, customer: usize, rating: impl Fn(usize) -> f64, room: &mut Room) -> f64 {
    room.candidates.clear();
    room.chosen.clear();
    let mut plain = true;
    for at in problem.of(customer) {
        let one = rating(at);
        if !problem.table.special {
            if one > 0.0 {
                room.candidates.push((one, at as u32));
            }
            continue;
        }
        let at = at as u32;
        let (minima, needs) = (problem.minima_of(at), problem.needs(at));
        if one > 0.0 || !minima.is_empty() || !needs.is_empty() || !problem.gives(at).is_empty() {
            room.candidates.push((one, at));
        }
        plain &= minima.is_empty() && (needs.is_empty() || one <= 0.0);
    }
    if plain && problem.table.special {
        // What gives something nobody asks for is worth its rating.
        room.candidates.retain(|(one, _)| *one > 0.0);
    }
    match room.candidates.len() {
        0 => return 0.0,
        1 => {}
        // Ties by place: the same prices give the same choice.
        _ => room.candidates.sort_unstable_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1))),
    }
    if !plain {
        return search(problem, room);
    }
    let mut sum = 0.0;
    let mut passed_over = false;
    for (one, at) in &room.candidates {
        if fits(problem, &room.chosen, *at, NONE) {
            room.chosen.push(*at);
            sum += one;
        } else {
            passed_over = true;
        }
    }
    if problem.laminar || !passed_over { sum } else { search(problem, room) }
}

/// Whether every chosen proposal is given what it needs.
pub(crate) fn given(problem: &Problem, chosen: &[u32]) -> bool {
    if !problem.table.special {
        return true;
    }
    let gives = |thing: &u32| chosen.iter().any(|at| problem.gives(*at).contains(thing));
    chosen.iter().all(|at| problem.needs(*at).iter().all(gives))
}

/// The bounties that chosen contacts earn toward the minima of their customer.
pub(crate) fn earned(problem: &Problem, chosen: &[u32]) -> f64 {
    if problem.minima.is_empty() {
        return 0.0;
    }
    let mut counts: Vec<(u32, u32)> = Vec::new();
    for at in chosen {
        for minimum in problem.minima_of(*at) {
            match counts.iter_mut().find(|(known, _)| known == minimum) {
                Some((_, count)) => *count += 1,
                None => counts.push((*minimum, 1)),
            }
        }
    }
    let reached = counts.iter().map(|(minimum, count)| problem.minima[*minimum as usize].least.min(*count));
    f64::from(reached.sum::<u32>()) * problem.bounty
}

/// No proposal: there are fewer.
pub(crate) const NONE: u32 = u32::MAX;

/// Whether a proposal can join the chosen ones of its customer, `without` one of them.
pub(crate) fn fits(problem: &Problem, chosen: &[u32], at: u32, without: u32) -> bool {
    problem.locals_of(at).iter().all(|local| {
        let most = problem.locals[*local as usize].most;
        // Customers choose a few: counting them anew is faster than keeping counts.
        if chosen.len() < most as usize {
            return true;
        }
        let counted = chosen.iter().filter(|other| **other != without && problem.locals_of(**other).contains(local));
        counted.count() < most as usize
    })
}

fn search(problem: &Problem, room: &mut Room) -> f64 {
    let Room { candidates, chosen, best } = room;
    best.clear();
    chosen.clear();
    let mut search = Search { problem, candidates, found: 0.0, best, nodes: 0, open: 0.0 };
    search.go(0, 0.0, chosen);
    let (found, open, cut) = (search.found, search.open, search.nodes > SEARCH);
    chosen.clone_from(best);
    if cut { open.max(found) } else { found }
}

struct Search<'a> {
    problem: &'a Problem,
    candidates: &'a [(f64, u32)],
    found: f64,
    best: &'a mut Vec<u32>,
    nodes: u32,
    /// The greatest bound of a branch that was not looked at.
    open: f64,
}

impl Search<'_> {
    fn go(&mut self, from: usize, sum: f64, chosen: &mut Vec<u32>) {
        let whole = sum + earned(self.problem, chosen);
        if whole > self.found && given(self.problem, chosen) {
            self.found = whole;
            self.best.clone_from(chosen);
        }
        let left: f64 = self.candidates[from..]
            .iter()
            .map(|(one, at)| one.max(0.0) + self.problem.bounty * self.problem.minima_of(*at).len() as f64)
            .sum();
        if from == self.candidates.len() || whole + left <= self.found {
            return;
        }
        self.nodes += 1;
        if self.nodes > SEARCH {
            self.open = self.open.max(whole + left);
            return;
        }
        let (one, at) = self.candidates[from];
        if fits(self.problem, chosen, at, NONE) {
            chosen.push(at);
            self.go(from + 1, sum + one, chosen);
            chosen.pop();
        }
        self.go(from + 1, sum, chosen);
    }
}
