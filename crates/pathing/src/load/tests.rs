use proptest::prelude::*;

use super::*;

fn read(text: &str, threads: usize) -> Result<EventLog, LoadError> {
    let layout = Layout { properties: vec!["amount".to_owned(), "city".to_owned()], ..Layout::default() };
    csv(text.as_bytes(), &layout, threads)
}

/// Customer, milliseconds, event, amount and city.
type Row = (String, i64, String, Option<String>, Option<String>);

fn rows(log: &EventLog) -> Vec<Row> {
    let mut rows = Vec::new();
    for (code, customer) in (0u32..).zip(log.customers().iter()) {
        for row in log.rows_of(code) {
            let value = |name: &str| log.column(name).and_then(|column| column.label(row));
            let time = log.time(row).as_millis();
            rows.push((customer.to_owned(), time, log.name(row).to_owned(), value("amount"), value("city")));
        }
    }
    rows
}

#[test]
fn reads_what_the_standard_and_people_write() {
    let text = "\u{feff}event, time ,\"customer\",amount,city\r\n\
                pay,2026-01-01T00:00:02Z,zoe,12.5,\"Bonn, \"\"am\"\" Rhein\"\r\n\
                \r\n\
                 view ,1767225601000, \"ada\" ,,\"two\nlines\"\n\
                cart,2026-01-01T01:00:01+01:00,ada,7,5\" wide";
    let log = read(text, 1).unwrap();
    let row = |customer: &str, time, name: &str, amount: Option<&str>, city: &str| {
        (customer.to_owned(), time, name.to_owned(), amount.map(str::to_owned), Some(city.to_owned()))
    };
    let expected = [
        row("ada", 1_767_225_601_000, "view", None, "two\nlines"),
        row("ada", 1_767_225_601_000, "cart", Some("7"), "5\" wide"),
        row("zoe", 1_767_225_602_000, "pay", Some("12.5"), "Bonn, \"am\" Rhein"),
    ];
    assert_eq!(rows(&log), expected);
    let semicolons = "customer;time;event\na;0;b\n";
    assert_eq!(csv(semicolons.as_bytes(), &Layout::default(), 1).unwrap().len(), 1);
    assert_eq!(csv("customer,time,event\n".as_bytes(), &Layout::default(), 2).unwrap().len(), 0);
}

#[test]
fn errors_name_line_and_field() {
    let wrong = |text: &str| read(text, 1).unwrap_err().to_string();
    assert_eq!(wrong(""), "line 1: there is no header");
    assert_eq!(wrong("a,b\n"), "line 1: there is no field customer; there are a, b");
    let with = |rest: &str| wrong(&format!("customer,time,event,city\na,0,x,\"two\nlines\"\n{rest}"));
    assert_eq!(with("a,soon,x,"), "line 4 field time: not a time: expected RFC 3339 or epoch milliseconds");
    assert_eq!(with("a,0,x,\n,0,x,"), "line 5 field customer: the customer is missing");
    assert_eq!(with("a,0,,"), "line 4 field event: the event is missing");
    assert_eq!(with("a,0,x"), "line 4: there are 3 fields, and the header has 4");
    assert_eq!(with("a,0,x,\"open"), "line 4 field city: its quote is not closed");
    assert_eq!(with("a,0,x,\"open\" b"), "line 4 field city: there is text after its closing quote");
    assert_eq!(wrong("customer,time,event\na,0,x\na,99999999999999,x"), "line 3 field time: not between 1900 and 2199");
    let bytes = b"customer,time,event\na,0,x\na,0,\xff\n";
    assert_eq!(csv(&bytes[..], &Layout::default(), 1).unwrap_err().to_string(), "line 3: not UTF-8");
}

#[test]
fn many_blocks_give_the_same_log_and_the_first_error_whatever_the_threads() {
    let mut text = "customer,time,event,amount,city\n".to_owned();
    for row in 0..300_000u32 {
        let customer = row.wrapping_mul(2_654_435_761) % 5000;
        let quote = if row % 1000 == 7 { "\"x\ny\"" } else { "z" };
        text.push_str(&format!("c{customer},{},e{},{row},{quote}\n", row / 3 * 1000, row % 13));
    }
    let one = rows(&read(&text, 1).unwrap());
    assert_eq!(one.len(), 300_000);
    assert_eq!(rows(&read(&text, 3).unwrap()), one);
    let broken = text.replacen("c1,", ",", 3);
    let first = read(&broken, 1).unwrap_err().to_string();
    for _ in 0..5 {
        assert_eq!(read(&broken, 4).unwrap_err().to_string(), first);
    }
}

proptest! {
    #[test]
    fn fields_come_back_as_they_were(
        cells in prop::collection::vec(("[a-z\",;\n é]{1,6}", 0i64..100, "[a-z\"',\r\n]{1,6}", "[0-9a\",\n]{0,4}"), 1..20),
    ) {
        let quote = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let mut text = "customer,time,event,amount\n".to_owned();
        let mut expected = Vec::new();
        for (customer, second, name, amount) in &cells {
            // Blanks around a field do not count, quoted or not.
            let (customer, name, amount) = (customer.trim_ascii(), name.trim_ascii(), amount.trim_ascii());
            if customer.is_empty() || name.is_empty() {
                continue;
            }
            text.push_str(&format!("{},{},{},{}\n", quote(customer), second * 1000, quote(name), quote(amount)));
            expected.push((customer.to_owned(), second * 1000, name.to_owned(), Some(amount.to_owned()).filter(|a| !a.is_empty()), None));
        }
        expected.sort_by(|a: &Row, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        prop_assert_eq!(rows(&read(&text, 2).unwrap()), expected);
    }
}
