//! Some traits of an engine: which events change them, when time does, and what they are.

use attune_expression::Value;
use attune_kernel::Timestamp;

use crate::due::offsets_of;
use crate::engine::Engine;
use crate::plan::{Reading, Slot};
use crate::state::State;

/// Some traits of one engine with all that they are made of, for whoever minds no others. See [`Engine::watch`].
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// Ascending.
    slots: Vec<usize>,
    /// Those of them that are made of other traits, each after those that it needs.
    derived: Vec<usize>,
    /// For each lane, after how many buckets a bucket changes what is read.
    offsets: Vec<Vec<i64>>,
}

impl Watch {
    /// Whether there is nothing to watch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

impl Engine {
    /// Watches some traits by their slots.
    #[must_use]
    pub fn watch(&self, slots: impl IntoIterator<Item = usize>) -> Watch {
        let mut seen = vec![false; self.slots.len()];
        let mut open: Vec<usize> = slots.into_iter().collect();
        while let Some(slot) = open.pop() {
            match seen.get_mut(slot) {
                Some(known) if !*known => *known = true,
                _ => continue,
            }
            open.extend(self.inputs(slot));
        }
        let slots: Vec<usize> = (0..seen.len()).filter(|slot| seen[*slot]).collect();
        let watched = slots.iter().filter_map(|slot| self.slots.get(*slot));
        let offsets = offsets_of(watched, &self.lanes, &self.clocks);
        let derived = self.order.iter().copied().filter(|slot| seen.get(*slot) == Some(&true)).collect();
        Watch { slots, derived, offsets }
    }

    /// The slots of the traits that an event of this name may change, ascending.
    #[must_use]
    pub fn concerned(&self, event: &str) -> Vec<usize> {
        let mut lanes = vec![false; self.lanes.len()];
        for (lane, _) in self.plans.of(event).groups.iter().flat_map(|(_, lanes)| lanes) {
            if let Some(touched) = lanes.get_mut(*lane) {
                *touched = true;
            }
        }
        let touched = |slot: &Slot| slot.reading.views().iter().any(|view| lanes.get(view.lane) == Some(&true));
        let mut slots: Vec<bool> = self.slots.iter().map(touched).collect();
        for slot in &self.order {
            let concerned = self.inputs(*slot).iter().any(|input| slots.get(*input) == Some(&true));
            if let Some(place) = slots.get_mut(*slot) {
                *place |= concerned;
            }
        }
        (0..slots.len()).filter(|slot| slots[*slot]).collect()
    }

    /// The names of events that some trait knows by name, in no order; all others concern the same traits.
    pub fn event_names(&self) -> impl Iterator<Item = &str> {
        self.plans.named.keys().map(String::as_str)
    }

    /// The traits that a trait is made of.
    fn inputs(&self, slot: usize) -> Vec<usize> {
        match self.slots.get(slot).map(|slot| &slot.reading) {
            Some(Reading::Ratio(numerator, denominator)) => vec![*numerator, *denominator],
            Some(Reading::Derived(program)) => {
                let slot = |access: attune_expression::Access| self.named.get(access.path().index()).copied();
                program.reads().into_iter().filter_map(slot).collect()
            }
            _ => Vec::new(),
        }
    }

    /// [`Engine::next_change`] of the watched traits.
    #[must_use]
    pub fn next_change_of(&self, state: &State, now: Timestamp, watch: &Watch) -> Option<Timestamp> {
        let watched = watch.slots.iter().filter_map(|slot| self.slots.get(*slot));
        self.next_of(state, now, &watch.offsets, watched)
    }

    /// [`Engine::read_into`] of the watched traits; the others have no value.
    pub fn read_of(&self, state: &State, now: Timestamp, watch: &Watch, values: &mut Vec<Option<Value>>) {
        values.clear();
        values.resize(self.slots.len(), None);
        self.fill(state, now, watch.slots.iter().copied(), &watch.derived, values);
    }
}
