use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

#[test]
fn rows_are_sorted_by_customer_time_and_input_order() {
    let mut builder = EventLog::builder();
    for (customer, time, name) in [("zoe", 5, "a"), ("ada", 9, "b"), ("zoe", 1, "c"), ("ada", 9, "a"), ("ada", 2, "d")]
    {
        builder.push(customer, at(time), name, []).unwrap();
    }
    let log = builder.build();
    assert_eq!(log.customers().iter().collect::<Vec<_>>(), ["ada", "zoe"]);
    assert_eq!((log.rows_of(0), log.rows_of(1), log.rows_of(2)), (0..3, 3..5, 0..0));
    let names: Vec<_> = (0..log.len()).map(|row| log.name(row)).collect();
    assert_eq!(names, ["d", "b", "a", "c", "a"], "b was given before a at the same time");
    assert_eq!((0..5).map(|row| log.time(row)).collect::<Vec<_>>(), [at(2), at(9), at(9), at(1), at(5)]);
    assert_eq!(log.customers().code("zoe"), Some(1));
}

#[test]
fn a_property_keeps_the_values_of_every_type() {
    let mut builder = EventLog::builder();
    builder.push("b", at(0), "x", [("size", Scalar::Text("12")), ("new", Scalar::Flag(false))]).unwrap();
    builder.push("a", at(0), "x", [("size", Scalar::Number(12.5))]).unwrap();
    builder.push("a", at(1), "x", []).unwrap();
    let log = builder.build();
    assert_eq!(log.row(0).property("size"), Some(Scalar::Number(12.5)));
    assert_eq!(log.row(1).property("size"), None);
    assert_eq!(log.row(2).property("size"), Some(Scalar::Text("12")));
    assert_eq!(log.row(2).property("new"), Some(Scalar::Flag(false)));
    assert_eq!(log.row(0).property("new"), None);
    assert!(log.column("colour").is_none());
}

#[test]
fn sessions_of_the_source_travel_with_their_rows() {
    let mut builder = EventLog::builder();
    builder.push("b", at(0), "x", []).unwrap();
    builder.push_in_session("a", at(3), "x", Some("s1"), []).unwrap();
    builder.push("a", at(1), "x", []).unwrap();
    let log = builder.build();
    assert_eq!([log.session_of(0), log.session_of(1), log.session_of(2)], [None, Some("s1"), None]);
    assert_eq!(EventLog::builder().build().len(), 0);
}
