//! `attune contact` as planners have it: proposals and rules in, a plan, its certificate and its reasons out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

use std::collections::{BTreeMap, BTreeSet};

use attune_integration_tests::binary::{Said, run};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

const RULES: &str = "rules:
  - {id: fatigue, kind: max_per_customer, limit: 2}
  - {id: sms-cap, kind: capacity, scope: {channel: [sms]}, max: 120}
  - {id: gold-quota, kind: capacity, scope: {offer: [gold]}, min: 40, max: 90}
  - {id: budget, kind: budget, max: 150.5}
  - {id: once, kind: max_per_offer, limit: 1}
  - {id: no-a-and-b, kind: exclusive, scope: {offer: [a, b]}, limit: 1}
  - {id: b-needs-a, kind: requires, offer: plus, requires: gold}
  - {id: cool-off, kind: not_after, offer: b, after: a, within: 30d}
  - {id: min-one, kind: min_per_customer, limit: 1, scope: {segment: [vip]}}
";

struct Bank {
    folder: tempfile::TempDir,
    /// customer, offer, channel, segment, value, cost in cents.
    proposals: BTreeMap<String, (String, String, String, String, f64, u64)>,
}

impl Bank {
    fn new(customers: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut text = "proposal_id,customer_id,offer_id,channel,value,cost,segment,start\n".to_owned();
        let mut proposals = BTreeMap::new();
        for customer in 0..customers {
            let segment = if customer % 20 == 0 { "vip" } else { "" };
            for _ in 0..random.random_range(1..9) {
                let id = format!("p{}", proposals.len());
                let offer = ["gold", "a", "b", "plus", "loan"][random.random_range(0..5)];
                let channel = ["sms", "email", "call"][random.random_range(0..3)];
                let (value, cost) = (random.random_range(1..2000), random.random_range(1..200_u64));
                let customer = format!("c{customer:05}");
                text.push_str(&format!(
                    "{id},{customer},{offer},{channel},{}.{:02},{}.{:02},{segment},2026-11-23T00:00:00Z\n",
                    value / 100,
                    value % 100,
                    cost / 100,
                    cost % 100
                ));
                let row = (
                    customer,
                    offer.to_owned(),
                    channel.to_owned(),
                    segment.to_owned(),
                    f64::from(value) / 100.0,
                    cost,
                );
                proposals.insert(id, row);
            }
        }
        let bank = Self { folder, proposals };
        std::fs::write(bank.path("p.csv"), text).unwrap();
        std::fs::write(bank.path("rules.yaml"), RULES).unwrap();
        let history =
            "customer_id,offer_id,time\nc00001,a,2026-11-20T00:00:00Z\nc00002,gold,2025-01-01T00:00:00Z\nnobody,a,\n";
        std::fs::write(bank.path("h.csv"), history).unwrap();
        bank
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    async fn plan(&self, more: &[&str]) -> Said {
        let [p, r, h, plan, report, dir] =
            ["p.csv", "rules.yaml", "h.csv", "plan.csv", "report.json", "plan"].map(|name| self.path(name));
        let mut words = vec!["contact", "optimize", "--proposals", &p, "--rules", &r, "--history", &h];
        words.extend(["--output", &plan, "--report", &report, "--plan-dir", &dir]);
        words.extend(more);
        run(words).await
    }

    fn chosen(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("plan.csv")).unwrap();
        let mut lines = text.lines().map(str::to_owned);
        assert_eq!(lines.next().unwrap(), "proposal_id");
        lines.collect()
    }

    fn report(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.path("report.json")).unwrap()).unwrap()
    }

    /// Every rule, counted here anew.
    fn judge(&self, chosen: &[String]) {
        let rows: Vec<_> = chosen.iter().map(|id| &self.proposals[id]).collect();
        assert_eq!(chosen.iter().collect::<BTreeSet<_>>().len(), chosen.len());
        let mut by_customer: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for row in &rows {
            by_customer.entry(&row.0).or_default().push(&row.1);
        }
        for (customer, offers) in &by_customer {
            let distinct: BTreeSet<&&str> = offers.iter().collect();
            assert!(offers.len() <= 2 && distinct.len() == offers.len(), "{customer} {offers:?}");
            assert!(!(distinct.contains(&"a") && distinct.contains(&"b")), "{customer}");
            let has_gold = distinct.contains(&"gold") || *customer == "c00002";
            assert!(!distinct.contains(&"plus") || has_gold, "{customer}");
            assert!(*customer != "c00001" || !distinct.contains(&"b"));
        }
        assert!(rows.iter().filter(|row| row.2 == "sms").count() <= 120);
        assert!((40..=90).contains(&rows.iter().filter(|row| row.1 == "gold").count()));
        assert!(rows.iter().map(|row| row.5).sum::<u64>() <= 15_050);
        let lacking: BTreeSet<&str> =
            self.vips().filter(|row| !by_customer.contains_key(row.0.as_str())).map(|row| row.0.as_str()).collect();
        assert_eq!(lacking.len(), self.hopeless(), "a budget of this size reaches every vip that can be reached");
    }

    fn vips(&self) -> impl Iterator<Item = &(String, String, String, String, f64, u64)> {
        self.proposals.values().filter(|row| row.3 == "vip")
    }

    /// How many vips have nothing but what needs an offer that they are not proposed.
    fn hopeless(&self) -> usize {
        let all: BTreeSet<&str> = self.vips().map(|row| row.0.as_str()).collect();
        let open: BTreeSet<&str> = self.vips().filter(|row| row.1 != "plus").map(|row| row.0.as_str()).collect();
        all.difference(&open).count()
    }
}

#[tokio::test]
async fn a_plan_holds_every_rule_and_says_how_good_it_is() {
    let bank = Bank::new(400);
    let said = bank.plan(&["--gap", "1e-3", "--format", "json"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let chosen = bank.chosen();
    bank.judge(&chosen);
    let report = bank.report();
    let value: f64 = chosen.iter().map(|id| bank.proposals[id].4).sum();
    let number = |key: &str| report[key].as_f64().unwrap();
    assert!((number("objective") - value).abs() < 1e-6);
    assert!(number("upper_bound") >= value && number("gap") <= 0.01, "{report}");
    let rules: BTreeMap<&str, &Value> =
        report["rules"].as_array().unwrap().iter().map(|rule| (rule["id"].as_str().unwrap(), rule)).collect();
    assert_eq!(rules.len(), 9);
    assert_eq!(rules["sms-cap"]["max"], 120.0);
    assert!(
        rules["budget"]["used"].as_f64().unwrap() <= 150.5 && rules["budget"]["shadow_price"].as_f64().unwrap() > 0.0
    );
    for (id, rule) in &rules {
        let short = if *id == "min-one" { bank.hopeless() as f64 } else { 0.0 };
        assert_eq!(rule["shortfall"].as_f64().unwrap(), short, "{id}: {report}");
    }

    for threads in ["1", "2"] {
        assert_eq!(bank.plan(&["--gap", "1e-3", "--threads", threads]).await.code, 0);
        assert_eq!(bank.chosen(), chosen, "the plan depends on the number of threads");
    }
}

#[tokio::test]
async fn every_proposal_of_a_customer_has_its_reason() {
    let bank = Bank::new(300);
    assert_eq!(bank.plan(&[]).await.code, 0);
    let chosen: BTreeSet<String> = bank.chosen().into_iter().collect();
    let dir = bank.path("plan");
    let mut raised = None;
    for customer in ["c00000", "c00001", "c00150", "c00299"] {
        let said = run(["contact", "explain", "--plan-dir", &dir, "--customer", customer, "--format", "json"]).await;
        assert_eq!(said.code, 0, "{said:?}");
        let answer = said.json();
        let told = answer["proposals"].as_array().unwrap();
        let expected = bank.proposals.values().filter(|row| row.0 == customer).count();
        assert_eq!(told.len(), expected, "{customer}");
        for one in told {
            let id = one["proposal_id"].as_str().unwrap();
            assert_eq!(one["kept"].as_bool().unwrap(), chosen.contains(id));
            assert!(!one["reason"].as_str().unwrap().is_empty());
            if let Some(increase) = one["needed_increase"].as_f64().filter(|increase| *increase > 0.5) {
                raised = Some((id.to_owned(), increase));
            }
        }
    }
    let unknown = run(["contact", "explain", "--plan-dir", &dir, "--customer", "nobody"]).await;
    assert_eq!(unknown.code, 3, "{unknown:?}");

    // Raised by more than what is said to be needed, it is chosen.
    let (id, increase) = raised.unwrap();
    let text = std::fs::read_to_string(bank.path("p.csv")).unwrap();
    let lines = text.lines().map(|line| {
        let mut fields: Vec<String> = line.split(',').map(str::to_owned).collect();
        if fields[0] == id {
            fields[4] = (fields[4].parse::<f64>().unwrap() + increase * 1.2 + 0.5).to_string();
        }
        fields.join(",")
    });
    let lines: Vec<String> = lines.collect();
    std::fs::write(bank.path("p.csv"), lines.join("\n")).unwrap();
    assert_eq!(bank.plan(&[]).await.code, 0);
    assert!(bank.chosen().contains(&id), "{id} raised by {increase}");
}

#[tokio::test]
async fn what_cannot_be_met_is_told_and_bad_input_is_named() {
    let bank = Bank::new(50);
    std::fs::write(
        bank.path("rules.yaml"),
        "rules: [{id: many, kind: capacity, min: 5000}, {id: none, kind: capacity, scope: {channel: [sms]}, max: 0}]",
    )
    .unwrap();
    assert_eq!(bank.plan(&[]).await.code, 0);
    let report = bank.report();
    let chosen = bank.chosen();
    assert!(chosen.iter().all(|id| bank.proposals[id].2 != "sms"), "a minimum is never paid for by another rule");
    assert_eq!(report["rules"][0]["shortfall"].as_f64().unwrap(), 5000.0 - chosen.len() as f64);
    let not_sms = bank.proposals.values().filter(|row| row.2 != "sms").count();
    assert_eq!(chosen.len(), not_sms);

    let before = bank.chosen();
    for (file, text, word) in [
        ("rules.yaml", "rules: [{id: x, kind: capasity}]", "capasity"),
        ("rules.yaml", "rules: [{id: x, kind: capacity, max: 1}, {id: x, kind: capacity, max: 1}]", "rule x"),
        ("rules.yaml", "rules: [{id: x, kind: capacity, max: 1, scope: {chanel: [sms]}}]", "chanel"),
        ("rules.yaml", "rules: [{id: x, kind: capacity, min: 5, max: 1}]", "min is above max"),
        ("p.csv", "proposal_id,customer_id,offer_id,channel,value,cost\np,c,o,sms,one,1\n", "line 2 field value"),
        ("p.csv", "proposal_id,customer_id,offer_id,channel,value,cost\np,c,o,sms,1,-1\n", "line 2 field cost"),
        ("p.csv", "proposal_id,customer_id,offer_id,channel,value\np,c,o,sms,1\n", "no field cost"),
    ] {
        let good = std::fs::read_to_string(bank.path(file)).unwrap();
        std::fs::write(bank.path(file), text).unwrap();
        let said = bank.plan(&[]).await;
        assert_eq!(said.code, 3, "{said:?}");
        assert!(said.err.contains(word), "{word}: {}", said.err);
        std::fs::write(bank.path(file), good).unwrap();
    }
    assert_eq!(bank.chosen(), before, "nothing is half-written");
}
