//! One pass over the customers at given prices: the dual function, its subgradient, and the sets that attain it.

use super::customer::{Method, Solver, Worth};
use super::model::Model;

/// Customers whose values are added up before they are added to the whole, which keeps rounding small.
const CHUNK: usize = 1024;

/// Prices of the coupling rules, spread over the combinations.
#[derive(Debug)]
pub(super) struct Prices {
    /// What each contact of a combination pays.
    contact: Vec<f64>,
    /// What each unit of cost of a combination pays.
    cost: Vec<f64>,
}

impl Prices {
    pub(super) fn spread(model: &Model<'_>, prices: &[f64]) -> Self {
        let combinations = model.columns.signatures.len();
        let mut spread = Self { contact: vec![0.0; combinations], cost: vec![0.0; combinations] };
        for (at, (rule, &price)) in model.coupling.iter().zip(prices).enumerate() {
            if price == 0.0 {
                continue;
            }
            let column = if rule.by_cost { &mut spread.cost } else { &mut spread.contact };
            for &combination in model.members.get(at) {
                column[combination as usize] += price;
            }
        }
        spread
    }

    /// The value of a proposal less the prices it pays.
    #[inline]
    pub(super) fn reduced(&self, model: &Model<'_>, position: usize) -> f64 {
        let columns = model.columns;
        let combination = columns.signature[position] as usize;
        columns.value[position] - self.contact[combination] - columns.cost[position] * self.cost[combination]
    }
}

/// What a pass found.
#[derive(Debug)]
pub(super) struct Passed {
    /// No plan is worth more than this.
    pub(super) bound: f64,
    /// How much of each coupling rule the customers' best sets use.
    pub(super) used: Vec<f64>,
}

/// The passes over one model.
pub(super) struct Walker<'m, 'c> {
    pub(super) model: &'m Model<'c>,
    pub(super) methods: Vec<Method>,
    solver: Solver,
    worth: Vec<Worth>,
    count: Vec<f64>,
    cost: Vec<f64>,
    largest_value: f64,
    largest_cost: f64,
}

impl<'m, 'c> Walker<'m, 'c> {
    pub(super) fn new(model: &'m Model<'c>) -> Self {
        let combinations = model.columns.signatures.len();
        let largest = |column: &[f64]| column.iter().fold(0.0f64, |largest, entry| largest.max(entry.abs()));
        Self {
            model,
            methods: super::customer::methods(model),
            solver: Solver::new(model),
            worth: Vec::new(),
            count: vec![0.0; combinations],
            cost: vec![0.0; combinations],
            largest_value: largest(&model.columns.value),
            largest_cost: largest(&model.columns.cost),
        }
    }

    /// Solves every customer's subproblem at these prices; `visit` gets each customer and the chosen proposals.
    pub(super) fn pass(&mut self, prices: &[f64], mut visit: impl FnMut(usize, &[Worth])) -> Passed {
        let model = self.model;
        let spread = Prices::spread(model, prices);
        self.count.fill(0.0);
        self.cost.fill(0.0);
        let (mut total, mut part) = (0.0, 0.0);
        for customer in 0..model.columns.customers() {
            part += self.customer(&spread, customer);
            for item in &self.worth {
                let combination = model.columns.signature[item.position as usize] as usize;
                self.count[combination] += 1.0;
                self.cost[combination] += model.columns.cost[item.position as usize];
            }
            visit(customer, &self.worth);
            if customer % CHUNK == CHUNK - 1 {
                total += part;
                part = 0.0;
            }
        }
        total += part;
        let limits: f64 = model.coupling.iter().zip(prices).map(|(rule, price)| rule.limit * price).sum();
        let used = model.coupling.iter().enumerate().map(|(at, rule)| {
            let column = if rule.by_cost { &self.cost } else { &self.count };
            model.members.get(at).iter().map(|&combination| column[combination as usize]).sum()
        });
        Passed { used: used.collect(), bound: self.outward(total + limits, limits, &spread) }
    }

    /// Leaves the chosen proposals of one customer in `self.worth` and answers their bound.
    #[inline]
    fn customer(&mut self, spread: &Prices, customer: usize) -> f64 {
        let model = self.model;
        self.worth.clear();
        let positions = model.columns.positions(customer);
        if let Method::Top(1) = self.methods[customer] {
            let mut best = Worth { reduced: 0.0, position: u32::MAX };
            for position in positions {
                let reduced = spread.reduced(model, position);
                if reduced > best.reduced {
                    best = Worth { reduced, position: u32::try_from(position).unwrap_or(u32::MAX) };
                }
            }
            if best.reduced > 0.0 {
                self.worth.push(best);
            }
            return best.reduced;
        }
        for position in positions {
            let reduced = spread.reduced(model, position);
            if reduced > 0.0 {
                self.worth.push(Worth { reduced, position: u32::try_from(position).unwrap_or(u32::MAX) });
            }
        }
        self.solver.solve(model, self.methods[customer], &mut self.worth)
    }

    /// Raises a computed bound by more than rounding can have lowered it.
    ///
    /// A reduced value takes at most `terms` additions of numbers no larger than `scale`; at most every proposal is
    /// chosen; the sums add one rounding for each chunk and each customer within it. All are covered by one factor.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    fn outward(&self, bound: f64, limits: f64, spread: &Prices) -> f64 {
        let largest = |column: &[f64]| column.iter().fold(0.0f64, |largest, entry| largest.max(*entry));
        let prices = largest(&spread.contact) + self.largest_cost * largest(&spread.cost);
        // Without prices a reduced value is the value, without rounding.
        let scale = if prices > 0.0 { self.largest_value + prices } else { 0.0 };
        let columns = self.model.columns;
        let terms = (self.model.most_prices() + 8) as f64;
        let sums = (CHUNK + columns.customers() / CHUNK + self.model.coupling.len() + 8) as f64;
        let slack = f64::EPSILON * (terms * scale * columns.len() as f64 + sums * (bound.abs() + 2.0 * limits));
        if slack > 0.0 { (bound + slack).next_up() } else { bound }
    }
}
