//! Files as they come.

use std::io::Write as _;
use std::path::Path;

use super::{CHUNK, Rows};

/// A header, then rows with their lines.
type Table = (Vec<String>, Vec<(u32, Vec<String>)>);

/// Reads a file of these bytes.
fn read(name: &str, bytes: &[u8]) -> Result<Table, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let mut rows = Rows::open(&path).map_err(|failure| failure.to_string())?;
    let header = rows.header().to_vec();
    let mut all = Vec::new();
    loop {
        let fields = match rows.next() {
            Err(failure) => return Err(failure.to_string()),
            Ok(None) => return Ok((header, all)),
            Ok(Some(row)) => (0..header.len()).map(|at| row.field(at).to_owned()).collect(),
        };
        all.push((rows.line(), fields));
    }
}

fn fields(bytes: &[u8]) -> Vec<Vec<String>> {
    read("a.csv", bytes).unwrap().1.into_iter().map(|(_, fields)| fields).collect()
}

#[test]
fn the_forms_of_a_file_are_read_alike() {
    let expected = vec![vec!["1".to_owned(), "Ann, \"A\"".to_owned()], vec!["2".to_owned(), String::new()]];
    for file in [
        "id,name\n1,\"Ann, \"\"A\"\"\"\n2,\n",
        "id,name\r\n1,\"Ann, \"\"A\"\"\"\r\n2,\r\n",
        "\u{feff}id, name\n1, \"Ann, \"\"A\"\"\" \n\n2,",
        "id;name\n1;\"Ann, \"\"A\"\"\"\n2;\n",
        "id\tname\n1\t\"Ann, \"\"A\"\"\"\n 2 \t \n",
    ] {
        assert_eq!(fields(file.as_bytes()), expected, "{file:?}");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(file.as_bytes()).unwrap();
        assert_eq!(fields(&packed.finish().unwrap()), expected, "{file:?}");
    }
}

#[test]
fn a_quote_holds_lines_and_is_a_letter_elsewhere() {
    let (header, rows) = read("a.csv", "a,b,\n\"one\ntwo\",x,\"\"\n5\" pipe,\"\",z\n".as_bytes()).unwrap();
    assert_eq!(header, ["a", "b", "column 3"]);
    assert_eq!(rows[0], (2, vec!["one\ntwo".to_owned(), "x".to_owned(), String::new()]));
    assert_eq!(rows[1], (4, vec!["5\" pipe".to_owned(), String::new(), "z".to_owned()]));
}

#[test]
fn what_is_wrong_is_named() {
    for (bytes, words) in [
        (&b""[..], &["line 1", "no header"][..]),
        (b"a,b\n1,2\n3\n", &["line 3", "field b", "is missing", "has 1"]),
        (b"a,b\n1,2,3\n", &["line 2", "field 3", "one too many"]),
        (b"a,b\n\n1,\xff2\n", &["line 3", "field b", "not UTF-8"]),
        (b"a,b\n\"\xff\",2\n", &["line 2", "field a", "not UTF-8"]),
        (b"a,b\n1,\"open\n", &["line 2", "field b", "not closed"]),
        (b"a,b\n1,\"shut\" x\n", &["line 2", "field b", "after its closing quote"]),
    ] {
        let error = read("a.csv", bytes).unwrap_err();
        for word in ["a.csv:"].iter().chain(words) {
            assert!(error.contains(word), "{word}: {error}");
        }
    }
    assert!(read("a.parquet", b"PAR1").unwrap_err().contains("parquet"));
    assert!(Rows::open(Path::new("nowhere.csv")).is_err_and(|failure| failure.to_string().contains("nowhere.csv")));
}

#[test]
fn records_cross_the_ends_of_buffers() {
    let mut file = "id,text\n".to_owned();
    let mut count = 0;
    while file.len() < CHUNK * 3 {
        count += 1;
        file += &if count % 3 == 0 {
            format!("{count},\"a\n\"\"{count}\"\"\"\n")
        } else {
            format!("{count},plain {count}\n")
        };
    }
    let long = "x".repeat(CHUNK + 7);
    file += &format!("last,\"{long}\"\n");
    let (_, rows) = read("a.csv", file.as_bytes()).unwrap();
    assert_eq!(rows.len(), count + 1);
    let mut line = 2;
    for (number, (at, fields)) in rows.iter().take(count).enumerate() {
        let number = number + 1;
        let quoted = number % 3 == 0;
        assert_eq!(*at, line, "{fields:?}");
        assert_eq!(fields[1], if quoted { format!("a\n\"{number}\"") } else { format!("plain {number}") });
        line += 1 + u32::from(quoted);
    }
    assert_eq!(rows[count].1, ["last".to_owned(), long]);
}

#[test]
fn blanks_separate_where_they_are_asked_for_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    let of = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let mut rows = Rows::open_with_blanks(&path).unwrap();
        let width = rows.header().len();
        let row = rows.next().unwrap().unwrap();
        (0..width).map(|at| row.field(at).to_owned()).collect::<Vec<_>>()
    };
    let expected = ["00001", "19970101", "11.77"];
    assert_eq!(of(b" id  date value\n\n 00001 19970101   11.77 \r\n"), expected);
    assert_eq!(of(b"id;the date;value\n00001;19970101;11.77"), expected);
    std::fs::write(&path, b"id date\n1 2 3\n").unwrap();
    let mut rows = Rows::open_with_blanks(&path).unwrap();
    assert!(rows.next().err().unwrap().to_string().contains("one too many"));
}
