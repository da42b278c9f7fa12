//! The next prices, from what customers answered at former ones.
//!
//! The dual function is convex and piecewise linear. Each answer gives a plane below it; the highest of the planes is a model
//! of it, good near where it was asked. The next prices minimise the model plus the squared distance from the best prices so
//! far (proximal bundle method: Lemaréchal 1975, Kiwiel 1990), each rule with a weight of its own. The minimisation is done in
//! its dual, over shares of the planes: a concave function on a simplex, whose maximum mixes former answers into a fractional
//! plan that uses each limit as the prices ask.

/// The bounds of a rule as numbers, and how far its price may go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) least: Option<f64>,
    pub(crate) most: Option<f64>,
    /// The greatest bounty that is paid for a contact below the least.
    pub(crate) bounty: f64,
}

impl Bounds {
    /// What a price earns at the limits: the price times the most, or the bounty times the least.
    pub(crate) fn worth(&self, price: f64) -> f64 {
        if price > 0.0 { price * self.most.unwrap_or(f64::INFINITY) } else { price * self.least.unwrap_or(0.0) }
    }

    /// The price that minimises `worth(p) - used p + weight/2 (p - center)^2`.
    fn price(&self, used: f64, center: f64, weight: f64) -> f64 {
        if let Some(most) = self.most {
            let price = center + (used - most) / weight;
            if price > 0.0 {
                return price;
            }
        }
        if let Some(least) = self.least {
            let price = center + (used - least) / weight;
            if price < 0.0 {
                return price.max(-self.bounty);
            }
        }
        0.0
    }
}

/// A plane below the dual function without the limits' part: `value - use p`.
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    pub(crate) value: f64,
    pub(crate) use_of: Vec<f64>,
}

impl Cut {
    fn at(&self, prices: &[f64]) -> f64 {
        self.value - self.use_of.iter().zip(prices).map(|(used, price)| used * price).sum::<f64>()
    }
}

/// What the model says.
#[derive(Debug, Clone)]
pub(crate) struct Proposed {
    pub(crate) prices: Vec<f64>,
    /// The share of each cut in the fractional plan.
    pub(crate) shares: Vec<f64>,
    /// The model's value there, without the distance.
    pub(crate) model: f64,
}

/// Steps of the inner maximisation.
const STEPS: usize = 400;

/// Minimises the model plus the distance. `shares` is where to begin, as long as `cuts`.
pub(crate) fn propose(
    cuts: &[Cut],
    bounds: &[Bounds],
    center: &[f64],
    weights: &[f64],
    mut shares: Vec<f64>,
) -> Proposed {
    let rules = bounds.len();
    let mut used = vec![0.0; rules];
    for (cut, share) in cuts.iter().zip(&shares) {
        if *share > 0.0 {
            used.iter_mut().zip(&cut.use_of).for_each(|(sum, one)| *sum += share * one);
        }
    }
    let mut prices = vec![0.0; rules];
    let price_all = |used: &[f64], prices: &mut Vec<f64>| {
        for (rule, price) in prices.iter_mut().enumerate() {
            *price = bounds[rule].price(used[rule], center[rule], weights[rule]);
        }
    };
    price_all(&used, &mut prices);
    let size = cuts.iter().map(|cut| cut.value.abs()).fold(1.0, f64::max);
    for _ in 0..STEPS {
        // The slope of a share is its plane's height at the prices.
        let heights: Vec<f64> = cuts.iter().map(|cut| cut.at(&prices)).collect();
        let top = (0..cuts.len()).max_by(|one, other| heights[*one].total_cmp(&heights[*other])).unwrap_or(0);
        let held = (0..cuts.len()).filter(|cut| shares[*cut] > 0.0);
        let Some(low) = held.min_by(|one, other| heights[*one].total_cmp(&heights[*other])) else { break };
        if top == low || heights[top] - heights[low] <= 1e-9 * size {
            break;
        }
        // Moves share from the lowest to the highest plane until they are level, or it is used up.
        let (rise, fall) = (&cuts[top], &cuts[low]);
        let difference = |moved: f64| {
            let mut height = rise.value - fall.value;
            for rule in 0..rules {
                let change = rise.use_of[rule] - fall.use_of[rule];
                if change != 0.0 {
                    let price = bounds[rule].price(used[rule] + moved * change, center[rule], weights[rule]);
                    height -= change * price;
                }
            }
            height
        };
        let most = shares[low];
        let mut moved = most;
        let end = difference(most);
        if end < 0.0 {
            // The difference falls as share moves: a bracketed secant (Illinois, Dowell and Jarratt 1971).
            let (mut from, mut above) = (0.0, heights[top] - heights[low]);
            let (mut to, mut below) = (most, end);
            for _ in 0..12 {
                moved = from + (to - from) * above / (above - below);
                let here = difference(moved);
                if here.abs() <= 1e-10 * size {
                    break;
                }
                if here > 0.0 {
                    (from, above) = (moved, here);
                    below *= 0.5;
                } else {
                    (to, below) = (moved, here);
                    above *= 0.5;
                }
            }
        }
        shares[top] += moved;
        shares[low] = if moved >= most { 0.0 } else { shares[low] - moved };
        for (sum, (more, less)) in used.iter_mut().zip(rise.use_of.iter().zip(&fall.use_of)) {
            *sum += moved * (more - less);
        }
        price_all(&used, &mut prices);
    }
    let height = cuts.iter().map(|cut| cut.at(&prices)).fold(f64::NEG_INFINITY, f64::max);
    let worth: f64 = bounds.iter().zip(&prices).map(|(bounds, price)| bounds.worth(*price)).sum();
    Proposed { prices, shares, model: height + worth }
}
