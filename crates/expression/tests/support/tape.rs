//! Well-typed expressions made from random bytes; fewer and smaller bytes make simpler expressions, so a failure
//! shrinks.

/// The type of the expression wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Bool,
    Int,
    Double,
    Text,
    Instant,
    Length,
    Texts,
    Ints,
    Any,
}

/// Every type.
pub(crate) const WANTS: [Want; 9] =
    [Want::Bool, Want::Int, Want::Double, Want::Text, Want::Instant, Want::Length, Want::Texts, Want::Ints, Want::Any];

/// Bytes that decide what is written.
pub(crate) struct Tape<'b> {
    bytes: &'b [u8],
    /// Variables of macros in scope.
    locals: Vec<(String, Want)>,
}

impl<'b> Tape<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, locals: Vec::new() }
    }

    fn next(&mut self, below: usize) -> usize {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                usize::from(*first) % below
            }
            None => 0,
        }
    }

    fn pick(&mut self, of: &[&str]) -> String {
        of[self.next(of.len())].to_owned()
    }

    /// An expression of a type.
    pub(crate) fn expr(&mut self, want: Want, depth: usize) -> String {
        if depth == 0 || self.next(4) == 0 {
            return self.leaf(want);
        }
        match want {
            Want::Bool => self.boolean(depth - 1),
            Want::Int => self.int(depth - 1),
            Want::Double => self.double(depth - 1),
            Want::Text => self.text(depth - 1),
            Want::Instant => self.instant(depth - 1),
            Want::Length => self.length(depth - 1),
            Want::Texts => self.list(Want::Text, depth - 1),
            Want::Ints => self.list(Want::Int, depth - 1),
            Want::Any => self.any(depth - 1),
        }
    }

    fn leaf(&mut self, want: Want) -> String {
        let local = self.locals.iter().rev().find(|(_, of)| *of == want).map(|(name, _)| name.clone());
        if let (Some(name), true) = (local, self.next(2) == 0) {
            return name;
        }
        match want {
            Want::Bool => self.pick(&["true", "false", "profile.vip", "has(profile.age)", "has(context.channel)"]),
            Want::Int => self.pick(&[
                "1",
                "0",
                "profile.age",
                "count",
                "-1",
                "42",
                "9223372036854775807",
                "-9223372036854775808",
                "0x1F",
            ]),
            Want::Double => self.pick(&["0.5", "profile.score", "0.0", "-2.25", "1e300", "42.0"]),
            Want::Text => self.pick(&[
                "'a'",
                "profile.name",
                "''",
                "context.channel",
                "\"Kim\"",
                "'žluť'",
                "context['x']",
                "r'\\d'",
            ]),
            Want::Instant => self.pick(&[
                "now",
                "profile.joined",
                "timestamp('2024-02-29T23:59:59Z')",
                "timestamp('0001-01-01T00:00:00Z')",
                "timestamp('9999-12-31T23:59:59Z')",
                "timestamp('2026-11-22T10:00:00.25+09:00')",
            ]),
            Want::Length => self.pick(&[
                "duration('36h')",
                "profile.idle",
                "duration('-1.5s')",
                "duration('0')",
                "duration('2562047h')",
            ]),
            Want::Texts => self.pick(&["profile.tags", "['a', 'Kim']", "[]"]),
            Want::Ints => self.pick(&["profile.limits", "[1, 2, 42]", "[]"]),
            Want::Any => self.pick(&[
                "event.amount",
                "event.other",
                "event['note']",
                "dyn(null)",
                "dyn(1)",
                "dyn('a')",
                "dyn([1])",
            ]),
        }
    }

    fn want(&mut self) -> Want {
        WANTS[self.next(WANTS.len())]
    }

    fn boolean(&mut self, depth: usize) -> String {
        let relation = self.pick(&["==", "!=", "<", "<=", ">", ">="]);
        let equality = self.pick(&["==", "!="]);
        match self.next(14) {
            0 => format!("{} && {}", self.expr(Want::Bool, depth), self.term(Want::Bool, depth)),
            1 => format!("({} || {})", self.expr(Want::Bool, depth), self.term(Want::Bool, depth)),
            2 => format!("!{}", self.term(Want::Bool, depth)),
            3 | 4 => {
                let ordered = [Want::Int, Want::Double, Want::Text, Want::Instant, Want::Length, Want::Bool, Want::Any];
                let one = ordered[self.next(ordered.len())];
                let numbers = [Want::Int, Want::Double];
                let other = match one {
                    Want::Int | Want::Double => numbers[self.next(2)],
                    Want::Any => ordered[self.next(ordered.len())],
                    same => same,
                };
                format!("{} {relation} {}", self.term(one, depth), self.term(other, depth))
            }
            5 => {
                let one = self.want();
                let other = if one == Want::Any { self.want() } else { one };
                format!("{} {equality} {}", self.term(one, depth), self.term(other, depth))
            }
            6 => {
                let (item, list) = [
                    (Want::Text, Want::Texts),
                    (Want::Int, Want::Ints),
                    (Want::Any, Want::Ints),
                    (Want::Double, Want::Ints),
                ][self.next(4)];
                format!("{} in {}", self.term(item, depth), self.term(list, depth))
            }
            7 => {
                let key = [Want::Text, Want::Any][self.next(2)];
                let map = self.pick(&["context", "event", "{'a': 1, 'Kim': 2}"]);
                format!("{} in {map}", self.term(key, depth))
            }
            8 => {
                let member = self.pick(&["startsWith", "endsWith", "contains"]);
                format!("{}.{member}({})", self.term(Want::Text, depth), self.expr(Want::Text, depth))
            }
            9 => {
                let pattern = self.pick(&["'^a.*$'", "'[a-z]'", "''"]);
                format!("{}.matches({pattern})", self.term(Want::Text, depth))
            }
            10 => {
                let over = self.pick(&["all", "exists", "exists_one"]);
                self.each(&over, Want::Bool, depth)
            }
            11 => format!("bool({})", self.expr([Want::Bool, Want::Text][depth % 2], depth)),
            12 => self.pick(&[
                "has(event.note)",
                "has(event.other)",
                "has(profile.attributes.city)",
                "has(context.x)",
                "has(event.amount)",
            ]),
            _ => self.conditional(Want::Bool, depth),
        }
    }

    /// An expression in brackets where the context could tear it apart.
    fn term(&mut self, want: Want, depth: usize) -> String {
        format!("({})", self.expr(want, depth))
    }

    fn conditional(&mut self, want: Want, depth: usize) -> String {
        let test = if self.next(6) == 0 { Want::Any } else { Want::Bool };
        format!("({} ? {} : {})", self.term(test, depth), self.expr(want, depth), self.expr(want, depth))
    }

    /// A macro over a list whose test or body is of a type.
    fn each(&mut self, name: &str, body: Want, depth: usize) -> String {
        let (element, list) = [(Want::Text, Want::Texts), (Want::Int, Want::Ints)][self.next(2)];
        let range = self.term(list, depth);
        let variable = format!("v{}", self.locals.len());
        self.locals.push((variable.clone(), element));
        let body = self.expr(body, depth);
        self.locals.pop();
        format!("{range}.{name}({variable}, {body})")
    }

    fn int(&mut self, depth: usize) -> String {
        let operator = self.pick(&["+", "-", "*", "/", "%"]);
        match self.next(9) {
            0..=2 => format!("({} {operator} {})", self.term(Want::Int, depth), self.term(Want::Int, depth)),
            3 => format!("-{}", self.term(Want::Int, depth)),
            4 => {
                let sized = [Want::Text, Want::Texts, Want::Ints, Want::Any][self.next(4)];
                format!("size({})", self.expr(sized, depth))
            }
            5 => {
                let of = [Want::Double, Want::Text, Want::Instant, Want::Int, Want::Any][self.next(5)];
                format!("int({})", self.expr(of, depth))
            }
            6 => format!("{}[{}]", self.term(Want::Ints, depth), self.expr([Want::Int, Want::Any][depth % 2], depth)),
            7 => {
                let part = self.pick(&[
                    "FullYear",
                    "Month",
                    "Date",
                    "DayOfMonth",
                    "DayOfWeek",
                    "DayOfYear",
                    "Hours",
                    "Minutes",
                    "Seconds",
                    "Milliseconds",
                ]);
                let zone = self.pick(&["''", "'Asia/Seoul'", "'Asia/Kolkata'", "'-03:30'"]);
                format!("{}.get{part}({zone})", self.term(Want::Instant, depth))
            }
            _ => {
                let part = self.pick(&["Hours", "Minutes", "Seconds", "Milliseconds"]);
                format!("{}.get{part}()", self.term(Want::Length, depth))
            }
        }
    }

    fn double(&mut self, depth: usize) -> String {
        let operator = self.pick(&["+", "-", "*", "/"]);
        match self.next(5) {
            0 | 1 => format!("({} {operator} {})", self.term(Want::Double, depth), self.term(Want::Double, depth)),
            2 => format!("-{}", self.term(Want::Double, depth)),
            3 => {
                let of = [Want::Int, Want::Text, Want::Double, Want::Any][self.next(4)];
                format!("double({})", self.expr(of, depth))
            }
            _ => self.conditional(Want::Double, depth),
        }
    }

    fn text(&mut self, depth: usize) -> String {
        match self.next(7) {
            0 | 1 => format!("({} + {})", self.term(Want::Text, depth), self.term(Want::Text, depth)),
            2 => {
                let of = [Want::Int, Want::Double, Want::Bool, Want::Instant, Want::Length, Want::Text][self.next(6)];
                format!("string({})", self.expr(of, depth))
            }
            3 => {
                let member = self.pick(&["lowerAscii", "upperAscii", "trim"]);
                format!("{}.{member}()", self.term(Want::Text, depth))
            }
            4 => format!("{}.replace({}, 'b')", self.term(Want::Text, depth), self.expr(Want::Text, depth)),
            5 => format!("{}[{}]", self.term(Want::Texts, depth), self.expr(Want::Int, depth)),
            _ => self.conditional(Want::Text, depth),
        }
    }

    fn instant(&mut self, depth: usize) -> String {
        let operator = self.pick(&["+", "-"]);
        match self.next(4) {
            0 | 1 => format!("({} {operator} {})", self.term(Want::Instant, depth), self.term(Want::Length, depth)),
            2 => format!("({} + {})", self.term(Want::Length, depth), self.term(Want::Instant, depth)),
            _ => format!("timestamp({})", self.expr([Want::Int, Want::Instant][depth % 2], depth)),
        }
    }

    fn length(&mut self, depth: usize) -> String {
        let operator = self.pick(&["+", "-"]);
        match self.next(3) {
            0 => format!("({} {operator} {})", self.term(Want::Length, depth), self.term(Want::Length, depth)),
            1 => format!("({} - {})", self.term(Want::Instant, depth), self.term(Want::Instant, depth)),
            _ => self.conditional(Want::Length, depth),
        }
    }

    fn list(&mut self, element: Want, depth: usize) -> String {
        let list = if element == Want::Text { Want::Texts } else { Want::Ints };
        match self.next(4) {
            0 => format!("[{}, {}]", self.expr(element, depth), self.expr(element, depth)),
            1 => format!("({} + {})", self.term(list, depth), self.term(list, depth)),
            2 => {
                let range = self.term(list, depth);
                let variable = format!("v{}", self.locals.len());
                self.locals.push((variable.clone(), element));
                let test = self.expr(Want::Bool, depth);
                self.locals.pop();
                format!("{range}.filter({variable}, {test})")
            }
            _ => self.each("map", element, depth),
        }
    }

    fn any(&mut self, depth: usize) -> String {
        let operator = self.pick(&["+", "-", "*", "/", "%"]);
        match self.next(4) {
            0 => {
                let of = self.want();
                format!("dyn({})", self.expr(of, depth))
            }
            1 => {
                let other = self.want();
                // The reference adds the keys of a map to a list.
                let operator = if other == Want::Any && operator == "+" { "-" } else { &operator };
                format!("({} {operator} {})", self.term(Want::Any, depth), self.term(other, depth))
            }
            2 => format!("{}[{}]", self.term(Want::Any, depth), self.expr([Want::Int, Want::Any][depth % 2], depth)),
            _ => self.conditional(Want::Any, depth),
        }
    }
}
