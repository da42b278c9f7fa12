//! One customer's subproblem: the best set of proposals at given prices under the rules per customer.
//!
//! Which method is exact depends on how the scopes of the binding rules meet among the customer's own proposals:
//! disjoint or nested scopes make the feasible sets a laminar matroid, on which taking the best first is optimal
//! (Edmonds 1971); scopes that cross are searched by branch and bound, with the matroid of a nested part of the rules
//! as the relaxation. The search visits at most [`MAX_NODES`] nodes; a customer who needs more contributes the
//! relaxation's value to the bound, which therefore stays valid, and the best set found to the plan.

use super::model::Model;

/// Most nodes of one customer's search.
const MAX_NODES: usize = 20_000;

/// How a customer's subproblem is solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// No rule binds: every proposal that is worth its price.
    Free,
    /// One limit over all proposals: the best few.
    Top(u32),
    /// Disjoint or nested scopes: best first.
    Nested,
    /// Scopes that cross: search.
    Crossing,
}

/// A proposal that is worth its price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Worth {
    /// Its value less the prices it pays; positive.
    pub(super) reduced: f64,
    /// Its position.
    pub(super) position: u32,
}

/// Finds the method of each customer.
pub(super) fn methods(model: &Model<'_>) -> Vec<Method> {
    let mut classifier = Classifier { touched: Vec::new(), members: vec![Vec::new(); model.personal.len()] };
    (0..model.columns.customers()).map(|customer| classifier.method(model, customer)).collect()
}

struct Classifier {
    touched: Vec<u32>,
    /// For each rule per customer, the customer's proposals in its scope, as offsets into the customer's positions.
    members: Vec<Vec<u32>>,
}

impl Classifier {
    fn method(&mut self, model: &Model<'_>, customer: usize) -> Method {
        let positions = model.columns.positions(customer);
        let count = positions.len();
        for (at, position) in (0u32..).zip(positions) {
            for &rule in model.personal_of.get(model.columns.signature[position] as usize) {
                let members = &mut self.members[rule as usize];
                if members.is_empty() {
                    self.touched.push(rule);
                }
                members.push(at);
            }
        }
        let binding: Vec<(&[u32], u32)> = self
            .touched
            .iter()
            .map(|&rule| (self.members[rule as usize].as_slice(), model.personal[rule as usize].limit))
            .filter(|(members, limit)| members.len() > *limit as usize)
            .collect();
        let method = if binding.is_empty() {
            Method::Free
        } else if binding.iter().all(|(members, _)| members.len() == count) {
            Method::Top(binding.iter().map(|&(_, limit)| limit).min().unwrap_or(0))
        } else if is_laminar(&binding, count) {
            Method::Nested
        } else {
            Method::Crossing
        };
        for rule in self.touched.drain(..) {
            self.members[rule as usize].clear();
        }
        method
    }
}

/// Whether any two scopes are disjoint or one lies within the other. In a laminar family ordered by falling size, all
/// members of a scope have the same innermost scope so far.
fn is_laminar(binding: &[(&[u32], u32)], count: usize) -> bool {
    let mut by_size: Vec<&[u32]> = binding.iter().map(|(members, _)| *members).collect();
    by_size.sort_by_key(|members| std::cmp::Reverse(members.len()));
    let mut innermost = vec![0usize; count];
    by_size.iter().enumerate().all(|(scope, members)| {
        let outer = innermost[members[0] as usize];
        members.iter().all(|&at| std::mem::replace(&mut innermost[at as usize], scope + 1) == outer)
    })
}

/// Scratch space of the solver; one for each pass.
pub(super) struct Solver {
    used: Vec<u32>,
    best: Vec<bool>,
    taken: Vec<bool>,
    relaxed: Vec<bool>,
    nodes: usize,
}

impl Solver {
    pub(super) fn new(model: &Model<'_>) -> Self {
        Self { used: vec![0; model.personal.len()], best: Vec::new(), taken: Vec::new(), relaxed: Vec::new(), nodes: 0 }
    }

    /// Reduces `worth` to the chosen proposals and answers an upper bound on their sum that no choice exceeds (the sum
    /// itself whenever the method is exact).
    pub(super) fn solve(&mut self, model: &Model<'_>, method: Method, worth: &mut Vec<Worth>) -> f64 {
        match method {
            Method::Free => sum(worth),
            Method::Top(limit) => {
                best_first(worth);
                worth.truncate(limit as usize);
                sum(worth)
            }
            Method::Nested => {
                best_first(worth);
                let used = &mut self.used;
                worth.retain(|item| {
                    let rules = rules_of(model, item);
                    let room = rules.iter().all(|&rule| used[rule as usize] < model.personal[rule as usize].limit);
                    if room {
                        rules.iter().for_each(|&rule| used[rule as usize] += 1);
                    }
                    room
                });
                for item in worth.iter() {
                    rules_of(model, item).iter().for_each(|&rule| used[rule as usize] = 0);
                }
                sum(worth)
            }
            Method::Crossing => self.search(model, worth),
        }
    }

    fn search(&mut self, model: &Model<'_>, worth: &mut Vec<Worth>) -> f64 {
        best_first(worth);
        let nested = nested_part(model, worth);
        self.nodes = 0;
        self.taken.clear();
        self.taken.resize(worth.len(), false);
        self.best.clone_from(&self.taken);
        let relaxed = self.relax(model, worth, 0, &nested);
        let mut best = 0.0;
        self.branch(model, worth, &nested, 0, 0.0, &mut best);
        let exact = self.nodes < MAX_NODES;
        let mut chosen = self.best.iter();
        worth.retain(|_| chosen.next().copied().unwrap_or(false));
        // Every decrement of the search undoes an increment, so the counts are zero again.
        if exact { sum(worth) } else { relaxed.max(sum(worth)) }
    }

    fn branch(&mut self, model: &Model<'_>, worth: &[Worth], nested: &[u32], depth: usize, value: f64, best: &mut f64) {
        if value > *best {
            *best = value;
            self.best.clone_from(&self.taken);
        }
        self.nodes += 1;
        if depth == worth.len() || self.nodes >= MAX_NODES {
            return;
        }
        if value + self.relax(model, worth, depth, nested) <= *best {
            return;
        }
        let rules = rules_of(model, &worth[depth]);
        if rules.iter().all(|&rule| self.used[rule as usize] < model.personal[rule as usize].limit) {
            rules.iter().for_each(|&rule| self.used[rule as usize] += 1);
            self.taken[depth] = true;
            self.branch(model, worth, nested, depth + 1, value + worth[depth].reduced, best);
            self.taken[depth] = false;
            rules.iter().for_each(|&rule| self.used[rule as usize] -= 1);
        }
        self.branch(model, worth, nested, depth + 1, value, best);
    }

    /// The best value of the proposals from `depth` on when only the nested rules count.
    fn relax(&mut self, model: &Model<'_>, worth: &[Worth], depth: usize, nested: &[u32]) -> f64 {
        self.relaxed.clear();
        self.relaxed.resize(worth.len(), false);
        let mut value = 0.0;
        for (at, item) in worth.iter().enumerate().skip(depth) {
            let counted = || rules_of(model, item).iter().filter(|rule| nested.binary_search(rule).is_ok());
            if counted().all(|&rule| self.used[rule as usize] < model.personal[rule as usize].limit) {
                counted().for_each(|&rule| self.used[rule as usize] += 1);
                self.relaxed[at] = true;
                value += item.reduced;
            }
        }
        for (at, item) in worth.iter().enumerate().skip(depth) {
            if self.relaxed[at] {
                let counted = rules_of(model, item).iter().filter(|rule| nested.binary_search(rule).is_ok());
                counted.for_each(|&rule| self.used[rule as usize] -= 1);
            }
        }
        value
    }
}

/// A part of the rules whose scopes are disjoint or nested among these proposals; rules with larger scopes first.
fn nested_part(model: &Model<'_>, worth: &[Worth]) -> Vec<u32> {
    let mut members: std::collections::BTreeMap<u32, Vec<u32>> = std::collections::BTreeMap::new();
    for (at, item) in (0u32..).zip(worth) {
        for &rule in rules_of(model, item) {
            members.entry(rule).or_default().push(at);
        }
    }
    let mut rules: Vec<(u32, Vec<u32>)> = members.into_iter().collect();
    rules.retain(|(rule, members)| members.len() > model.personal[*rule as usize].limit as usize);
    rules.sort_by_key(|(rule, members)| (std::cmp::Reverse(members.len()), *rule));
    let mut kept: Vec<(u32, Vec<u32>)> = Vec::new();
    for (rule, members) in rules {
        let mut family: Vec<(&[u32], u32)> = kept.iter().map(|(_, members)| (members.as_slice(), 0)).collect();
        family.push((&members, 0));
        if is_laminar(&family, worth.len()) {
            kept.push((rule, members));
        }
    }
    let mut nested: Vec<u32> = kept.into_iter().map(|(rule, _)| rule).collect();
    nested.sort_unstable();
    nested
}

fn rules_of<'m>(model: &'m Model<'_>, item: &Worth) -> &'m [u32] {
    model.personal_of.get(model.columns.signature[item.position as usize] as usize)
}

fn best_first(worth: &mut [Worth]) {
    worth.sort_unstable_by(|a, b| b.reduced.total_cmp(&a.reduced).then(a.position.cmp(&b.position)));
}

fn sum(worth: &[Worth]) -> f64 {
    worth.iter().map(|item| item.reduced).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laminar_families_are_told_from_crossing_ones() {
        let laminar = |family: &[&[u32]]| {
            let family: Vec<(&[u32], u32)> = family.iter().map(|members| (*members, 1)).collect();
            is_laminar(&family, 6)
        };
        assert!(laminar(&[&[0, 1, 2, 3], &[0, 1], &[2, 3], &[4, 5]]));
        assert!(laminar(&[&[0, 1, 2], &[0, 1, 2], &[1]]));
        assert!(!laminar(&[&[0, 1, 2], &[2, 3]]));
        assert!(!laminar(&[&[0, 1, 2, 3, 4], &[0, 1], &[1, 2]]));
    }
}
