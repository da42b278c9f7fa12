//! Shapley values of channels (Shapley 1953; for advertising Zhao, Mahboobi, Bagheri 2018, "Shapley value methods for
//! attribution modeling in online advertising").

use rustc_hash::FxHashMap;

use crate::{Credit, Error, Paths};

/// What a coalition of channels is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Game {
    /// The conversions of the paths that touch nothing outside the coalition. The Shapley value has a closed form (Zhao et
    /// al., equation 6): each path divides its conversions equally among its different channels.
    Conversions,
    /// The share of such paths that convert, so that paths that came to nothing count against a channel. Scaled so that all
    /// channels together earn all conversions; a channel that spoils earns less than nothing.
    Rate,
}

/// Channels up to which rates are computed over every coalition.
pub const EXACT_CHANNELS: usize = 15;
/// Channels above which rates are refused: coalitions are sets of 64 bits.
pub const MOST_CHANNELS: usize = 64;
/// Most permutations that are drawn.
const DRAWS: u32 = 5_000;

/// Attributes by Shapley values. `seed` is of use only where rates are sampled.
///
/// # Errors
/// [`Error::TooManyChannels`] for rates of more than 64 channels.
pub fn attribute(paths: &Paths, game: Game, seed: u64) -> Result<Vec<Credit>, Error> {
    let channels = paths.channels().len();
    match game {
        Game::Conversions => Ok(sums(paths)),
        Game::Rate if channels <= EXACT_CHANNELS => Ok(rates(paths, &all_coalitions(paths))),
        Game::Rate if channels <= MOST_CHANNELS => Ok(sampled(paths, seed)),
        Game::Rate => Err(Error::TooManyChannels { limit: MOST_CHANNELS, found: channels }),
    }
}

fn sums(paths: &Paths) -> Vec<Credit> {
    let channels = paths.channels().len();
    let (mut conversions, mut values) = (vec![0.0; channels], vec![0.0; channels]);
    let mut own = Vec::new();
    for path in paths.iter() {
        own.clear();
        own.extend_from_slice(path.touches);
        own.sort_unstable();
        own.dedup();
        for channel in &own {
            conversions[usize::from(*channel)] += path.conversions / own.len() as f64;
            values[usize::from(*channel)] += path.value / own.len() as f64;
        }
    }
    paths.credits(&conversions, &values, None)
}

/// Conversions, value and number of the paths of a set of channels.
type Sums = [f64; 3];

/// The paths by the set of channels that they touch.
fn by_set(paths: &Paths) -> Vec<(u64, Sums)> {
    let mut sets: FxHashMap<u64, Sums> = FxHashMap::default();
    for path in paths.iter() {
        let set = path.touches.iter().fold(0_u64, |set, touch| set | (1 << *touch));
        let sums = sets.entry(set).or_default();
        for (sum, more) in sums.iter_mut().zip([path.conversions, path.value, path.conversions + path.nulls]) {
            *sum += more;
        }
    }
    let mut sets: Vec<(u64, Sums)> = sets.into_iter().collect();
    sets.sort_unstable_by_key(|(set, _)| *set);
    sets
}

/// The rates of conversion and of value of every coalition: sums over subsets, a channel at a time (Yates 1937).
fn all_coalitions(paths: &Paths) -> Vec<[f64; 2]> {
    let channels = paths.channels().len();
    let mut sums = vec![[0.0; 3]; 1 << channels];
    for (set, own) in by_set(paths) {
        sums[set as usize] = own;
    }
    for channel in 0..channels {
        for set in 0..sums.len() {
            if set & (1 << channel) != 0 {
                let without = sums[set ^ (1 << channel)];
                sums[set].iter_mut().zip(without).for_each(|(sum, more)| *sum += more);
            }
        }
    }
    sums.into_iter().map(rate).collect()
}

fn rate([conversions, value, paths]: Sums) -> [f64; 2] {
    if paths > 0.0 { [conversions / paths, value / paths] } else { [0.0; 2] }
}

fn rates(paths: &Paths, worth: &[[f64; 2]]) -> Vec<Credit> {
    let channels = paths.channels().len();
    // The weight of a coalition of a size, of all orders in which a channel may join: s! (n - s - 1)! / n!.
    let mut weights = vec![1.0 / channels.max(1) as f64; channels];
    for size in 1..channels {
        weights[size] = weights[size - 1] * size as f64 / (channels - size) as f64;
    }
    let total: f64 = paths.iter().map(|path| path.conversions + path.nulls).sum();
    let (mut conversions, mut values) = (vec![0.0; channels], vec![0.0; channels]);
    for channel in 0..channels {
        for set in (0..worth.len()).filter(|set| set & (1 << channel) == 0) {
            let weight = weights[set.count_ones() as usize] * total;
            let with = worth[set | (1 << channel)];
            conversions[channel] += weight * (with[0] - worth[set][0]);
            values[channel] += weight * (with[1] - worth[set][1]);
        }
    }
    paths.credits(&conversions, &values, None)
}

/// Means over random orders in which channels join, each with its reverse (Castro, Gomez, Tejada 2009; the reverse makes
/// the errors of a pair cancel), and the standard error of the mean.
fn sampled(paths: &Paths, seed: u64) -> Vec<Credit> {
    let channels = paths.channels().len();
    let sets = by_set(paths);
    let total: f64 = paths.iter().map(|path| path.conversions + path.nulls).sum();
    let mut order: Vec<usize> = (0..channels).collect();
    let mut random = seed ^ 0x9e37_79b9_7f4a_7c15;
    let (mut sums, mut squares, mut values) = (vec![0.0; channels], vec![0.0; channels], vec![0.0; channels]);
    // A draw costs a pass over the sets.
    let draws = (200_000_000 / (sets.len() * 2).max(1)).clamp(100, DRAWS as usize);
    let mut place = vec![0_usize; channels];
    let mut joined = vec![[0.0; 3]; channels];
    for _ in 0..draws {
        for at in (1..channels).rev() {
            order.swap(at, (draw(&mut random) % (at as u64 + 1)) as usize);
        }
        let mut pair = vec![[0.0; 2]; channels];
        for _ in 0..2 {
            order.iter().enumerate().for_each(|(at, channel)| place[*channel] = at);
            joined.fill([0.0; 3]);
            // A set is complete when the last of its channels joins.
            for (set, own) in &sets {
                let mut rest = *set;
                let mut last = 0;
                while rest != 0 {
                    last = last.max(place[rest.trailing_zeros() as usize]);
                    rest &= rest - 1;
                }
                joined[last].iter_mut().zip(own).for_each(|(sum, more)| *sum += more);
            }
            let (mut so_far, mut before) = ([0.0; 3], [0.0; 2]);
            for (at, channel) in order.iter().enumerate() {
                so_far.iter_mut().zip(joined[at]).for_each(|(sum, more)| *sum += more);
                let now = rate(so_far);
                pair[*channel][0] += (now[0] - before[0]) / 2.0;
                pair[*channel][1] += (now[1] - before[1]) / 2.0;
                before = now;
            }
            order.reverse();
        }
        for channel in 0..channels {
            sums[channel] += pair[channel][0];
            squares[channel] += pair[channel][0] * pair[channel][0];
            values[channel] += pair[channel][1];
        }
    }
    let count = draws as f64;
    let mean = |sums: &[f64]| sums.iter().map(|sum| total * sum / count).collect::<Vec<_>>();
    let errors: Vec<f64> = sums
        .iter()
        .zip(&squares)
        .map(|(sum, square)| {
            let variance = (square - sum * sum / count) / (count - 1.0);
            total * (variance.max(0.0) / count).sqrt()
        })
        .collect();
    paths.credits(&mean(&sums), &mean(&values), Some(&errors))
}

/// The next number of a generator of 64 bits (Steele, Lea, Flood 2014, SplitMix).
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
