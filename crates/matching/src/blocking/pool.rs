//! All the rules worth considering for a table.

use super::atoms::{Atom, AtomRule};
use super::key::{Key, Part};
use crate::table::Records;
use crate::text::Role;

/// Rules considered at most; what agreement costs is worked out for each.
const MOST_RULES: usize = 120;

/// The keys of every column.
pub(crate) fn atoms(records: &Records) -> Vec<Atom> {
    let mut atoms: Vec<Atom> = Vec::new();
    for (column, field) in records.fields.iter().enumerate() {
        let mut sizes: Vec<usize> = Vec::new();
        for part in Part::of(field.role) {
            let atom = Atom::new(records, Key { column, part: *part, either: None });
            let distinct = atom.distinct();
            if atom.present < 0.001 || distinct < 2 || sizes.contains(&distinct) {
                continue;
            }
            sizes.push(distinct);
            atoms.push(atom);
        }
    }
    let at = |role: Role| records.fields.iter().position(|field| field.role == role);
    if let (Some(column), Some(other)) = (at(Role::GivenName), at(Role::FamilyName)) {
        atoms.push(Atom::new(records, Key { column, part: Part::Whole, either: Some(other) }));
    }
    atoms
}

/// Rules of one, two or three keys whose pairs may be compared within `most` pairs, the most selective first.
pub(crate) fn pool(atoms: &[Atom], records: usize, most: f64) -> Vec<AtomRule> {
    let pairs = records as f64 * (records as f64 - 1.0) / 2.0;
    let cost = |chosen: &[usize]| {
        chosen.iter().map(|atom| atoms[*atom].agreement * atoms[*atom].present * atoms[*atom].present).product::<f64>()
            * pairs
    };
    // A column with few values adds nothing but a smaller block.
    let useful: Vec<usize> = (0..atoms.len()).filter(|atom| atoms[*atom].agreement < 0.3).collect();
    let mut rules: Vec<(f64, AtomRule)> = Vec::new();
    let mut single = vec![false; atoms.len()];
    for atom in &useful {
        let cost = cost(&[*atom]);
        // Many pairs agree on a value because they are one person's; those are wanted.
        if cost <= most {
            single[*atom] = true;
            rules.push((cost, AtomRule { atoms: vec![*atom] }));
        }
    }
    let apart = |a: usize, b: usize| {
        let (a, b) = (&atoms[a].key, &atoms[b].key);
        a.column != b.column && a.either != Some(b.column) && b.either != Some(a.column)
    };
    let open: Vec<usize> = useful.iter().copied().filter(|atom| !single[*atom]).collect();
    let mut coarse: Vec<(usize, usize)> = Vec::new();
    for (at, a) in open.iter().enumerate() {
        for b in &open[at + 1..] {
            if !apart(*a, *b) {
                continue;
            }
            let cost = cost(&[*a, *b]);
            if cost <= most {
                rules.push((cost, AtomRule { atoms: vec![*a, *b] }));
            } else if cost <= most * 300.0 {
                coarse.push((*a, *b));
            }
        }
    }
    if rules.len() < MOST_RULES {
        let mut triples: Vec<(f64, AtomRule)> = Vec::new();
        for (a, b) in coarse {
            for c in open.iter().filter(|c| **c > b) {
                if apart(a, *c) && apart(b, *c) {
                    let cost = cost(&[a, b, *c]);
                    if cost <= most && cost > most / 1000.0 {
                        triples.push((cost, AtomRule { atoms: vec![a, b, *c] }));
                    }
                }
            }
        }
        // The coarser ones find more.
        triples.sort_by(|a, b| b.0.total_cmp(&a.0));
        triples.truncate(MOST_RULES - rules.len());
        rules.extend(triples);
    }
    // Single keys stay in any case; of the others the coarser ones find more.
    rules.sort_by(|a, b| (a.1.atoms.len() > 1).cmp(&(b.1.atoms.len() > 1)).then(b.0.total_cmp(&a.0)));
    rules.truncate(MOST_RULES);
    rules.reverse();
    rules.into_iter().map(|(_, rule)| rule).collect()
}

/// A rule under which people of one household meet: their family name and the most telling part of their address, or two
/// parts of the address. None when there is no address.
pub(crate) fn household(atoms: &[Atom], records: &Records, most: f64) -> Option<AtomRule> {
    let pairs = records.len() as f64 * (records.len() as f64 - 1.0) / 2.0;
    let whole = |role: Role| {
        let is = |atom: &Atom| {
            atom.key.part == Part::Whole && atom.key.either.is_none() && records.fields[atom.key.column].role == role
        };
        atoms.iter().position(is)
    };
    let two = [
        [Role::FamilyName, Role::Postcode],
        [Role::FamilyName, Role::Street],
        [Role::Street, Role::HouseNumber],
        [Role::FamilyName, Role::Phone],
        [Role::Postcode, Role::Street],
        [Role::FamilyName, Role::City],
    ];
    two.into_iter().find_map(|[one, other]| {
        let (one, other) = (whole(one)?, whole(other)?);
        let cost = atoms[one].agreement * atoms[other].agreement * pairs;
        (cost <= most).then(|| AtomRule { atoms: vec![one, other] })
    })
}
