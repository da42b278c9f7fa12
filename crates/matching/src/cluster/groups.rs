//! What people decided, before any weight is looked at.

use super::part::Part;

/// Records that are together from the start, and groups that stay apart.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// The group of every record, numbered in the order of their first records.
    pub(crate) of: Vec<u32>,
    /// Number of groups.
    pub(crate) count: usize,
    /// Pairs of groups that stay apart, lower number first, ascending.
    pub(crate) apart: Vec<(u32, u32)>,
    /// Must-link pairs that contradict what stays apart.
    pub(crate) refused: Vec<(u32, u32)>,
}

impl Groups {
    /// Joins the must-link pairs in ascending order; one that would bring records together that stay apart is refused.
    pub(crate) fn build(&mut self, part: &mut Part) {
        let records = part.members.len();
        self.of.clear();
        self.of.extend(0..records as u32);
        self.refused.clear();
        part.must.sort_unstable();
        part.must.dedup();
        for (left, right) in &part.must {
            let (keep, drop) = (self.of[*left as usize], self.of[*right as usize]);
            let (keep, drop) = (keep.min(drop), keep.max(drop));
            if keep == drop {
                continue;
            }
            if self.contradicts(part, keep, drop) {
                self.refused.push((*left, *right));
                continue;
            }
            for group in &mut self.of {
                if *group == drop {
                    *group = keep;
                }
            }
        }
        // A group carries the number of its first record; they become consecutive.
        self.count = 0;
        for record in 0..records {
            let first = self.of[record] as usize;
            if first == record {
                self.of[record] = self.count as u32;
                self.count += 1;
            } else {
                self.of[record] = self.of[first];
            }
        }
        self.apart.clear();
        self.apart.extend(part.cannot.iter().map(|(left, right)| {
            let (left, right) = (self.of[*left as usize], self.of[*right as usize]);
            (left.min(right), left.max(right))
        }));
        self.apart.sort_unstable();
        self.apart.dedup();
    }

    fn contradicts(&self, part: &Part, one: u32, other: u32) -> bool {
        let crosses = |left: u32, right: u32| (left, right) == (one, other) || (left, right) == (other, one);
        part.cannot.iter().any(|(left, right)| crosses(self.of[*left as usize], self.of[*right as usize]))
            || (!part.sources.is_empty() && {
                let of = |group: u32| (0..self.of.len()).filter(move |record| self.of[*record] == group);
                of(one).any(|left| of(other).any(|right| part.same_source(left, right)))
            })
    }

    /// Whether two groups stay apart.
    pub(crate) fn are_apart(&self, left: u32, right: u32) -> bool {
        self.apart.binary_search(&(left.min(right), left.max(right))).is_ok()
    }
}
