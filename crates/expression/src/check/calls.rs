//! Functions and members.

use std::sync::Arc;

use cel::common::ast::CallExpr;
use regex::RegexBuilder;

use super::{Broken, Checker};
use crate::clock::{Interval, Part, Zone, parse_instant};
use crate::ir::{Expr, Function, Node, Pattern};
use crate::outcome::Span;
use crate::types::Type;
use crate::value::Value;

/// Bytes that a compiled regular expression may take.
const REGEX_BYTES: usize = 1024 * 1024;

impl Checker<'_> {
    /// `f(a, b)` or `a.f(b)`.
    pub(super) fn function(&mut self, call: &CallExpr, span: Span) -> Result<(Expr, Type), Broken> {
        let name = call.func_name.trim_start_matches('.');
        let member = call.target.is_some();
        let known = signature(name, member).is_some() || name == "matches" || (member && Part::named(name).is_some());
        if !known {
            let message = match (signature(name, !member).is_some(), member) {
                (true, true) => format!("'{name}' is called as {name}(value)"),
                (true, false) => format!("'{name}' is called as value.{name}()"),
                _ => format!("unknown function '{name}'"),
            };
            return self.refuse(span, message);
        }
        let checked: Vec<_> = call.target.as_deref().into_iter().chain(&call.args).map(|arg| self.check(arg)).collect();
        let mut args = Vec::with_capacity(checked.len());
        for arg in checked {
            args.push(arg?);
        }
        if name == "matches" {
            return self.matches(args, span);
        }
        if let (true, Some(part)) = (member, Part::named(name)) {
            return self.part(part, name, args, span);
        }
        let Some((function, kinds, result)) = signature(name, member) else { return Err(Broken) };
        let count = kinds.len();
        if args.len() != count {
            let (count, given) = (count - usize::from(member), args.len() - usize::from(member));
            return self.refuse(span, format!("'{name}' takes {count} arguments, found {given}"));
        }
        for ((part, of), takes) in args.iter().zip(kinds) {
            if !takes.admits(of) {
                return self.refuse(part.span, format!("'{name}' takes {}, found {of}", takes.words()));
            }
        }
        self.constant(function, args, result, span)
    }

    /// Computes `timestamp('...')` and `duration('...')` of literals.
    fn constant(
        &mut self,
        function: Function,
        args: Vec<(Node, Type)>,
        result: Type,
        span: Span,
    ) -> Result<(Expr, Type), Broken> {
        let value = match (function, args.first().map(|(arg, _)| &arg.expr)) {
            (Function::ToTimestamp, Some(Expr::Const(Value::String(text)))) => {
                parse_instant(text).map(Value::Timestamp).ok_or(
                    "not a timestamp: expected RFC 3339 within the years 1 to 9999, for example 2026-11-22T10:00:00Z",
                )
            }
            (Function::ToDuration, Some(Expr::Const(Value::String(text)))) => Interval::parse(text)
                .map(Value::Duration)
                .ok_or("not a duration: expected numbers with units ns, us, ms, s, m, h, d or w, for example 1h30m"),
            _ => return Ok((Expr::Call(function, args.into_iter().map(|(arg, _)| arg).collect()), result)),
        };
        match value {
            Ok(value) => Ok((Expr::Const(value), result)),
            Err(message) => self.refuse(span, message),
        }
    }

    fn matches(&mut self, mut args: Vec<(Node, Type)>, span: Span) -> Result<(Expr, Type), Broken> {
        let (Some((pattern, pattern_type)), Some((text, text_type)), true) = (args.pop(), args.pop(), args.is_empty())
        else {
            return self.refuse(span, "'matches' takes a text and a pattern");
        };
        self.want(&text, &text_type, &Type::String, "'matches'")?;
        self.want(&pattern, &pattern_type, &Type::String, "'matches'")?;
        let Expr::Const(Value::String(source)) = &pattern.expr else {
            return self.refuse(pattern.span, "the pattern of 'matches' must be a text literal, it is compiled once");
        };
        match RegexBuilder::new(source).size_limit(REGEX_BYTES).dfa_size_limit(REGEX_BYTES).build() {
            Ok(regex) => Ok((Expr::Matches(Box::new(text), Pattern { regex: Arc::new(regex) }), Type::Bool)),
            Err(regex::Error::CompiledTooBig(_)) => self.refuse(pattern.span, "the regular expression is too large"),
            Err(error) => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.refuse(pattern.span, format!("not a regular expression: {last}"))
            }
        }
    }

    /// `t.getHours()`, `t.getHours('Asia/Seoul')`, `d.getHours()`.
    fn part(
        &mut self,
        part: Part,
        name: &str,
        mut args: Vec<(Node, Type)>,
        span: Span,
    ) -> Result<(Expr, Type), Broken> {
        let zone = match args.len() {
            1 => Zone::Fixed(0),
            2 => {
                let Some((Node { expr: Expr::Const(Value::String(text)), span }, _)) = args.pop() else {
                    return self.refuse(span, format!("the time zone of '{name}' must be a text literal"));
                };
                match Zone::parse(&text) {
                    Some(zone) => zone,
                    None => {
                        return self.refuse(
                            span,
                            "unknown time zone: expected a name such as Asia/Seoul or an offset such as +09:00",
                        );
                    }
                }
            }
            _ => return self.refuse(span, format!("'{name}' takes at most a time zone")),
        };
        let zoned = !matches!(zone, Zone::Fixed(0));
        let Some((of, of_type)) = args.pop() else { return Err(Broken) };
        let duration = part.of_interval(Interval::default()).is_some() && !zoned;
        match of_type {
            Type::Timestamp | Type::Any => Ok((Expr::Part(part, Box::new(of), zone), Type::Int)),
            Type::Duration if duration => Ok((Expr::Part(part, Box::new(of), zone), Type::Int)),
            other => self.refuse(of.span, format!("'{name}' takes a timestamp, found {other}")),
        }
    }
}

/// What a parameter admits.
#[derive(Clone, Copy)]
enum Takes {
    Text,
    Sized,
    Whatever,
    /// What `bool`, `int`, `double`, `string`, `timestamp` and `duration` convert.
    Bool,
    Int,
    Double,
    String,
    Timestamp,
    Duration,
}

impl Takes {
    fn admits(self, of: &Type) -> bool {
        use Type::{Any, Bool, Double, Duration, Int, List, Map, String, Timestamp};
        match (self, of) {
            (_, Any) | (Self::Whatever, _) => true,
            (Self::Sized, of) => matches!(of, String | List(_) | Map(_)),
            (Self::Text, of) => *of == String,
            (Self::Bool, of) => matches!(of, Bool | String),
            (Self::Int, of) => matches!(of, Int | Double | String | Timestamp),
            (Self::Double, of) => matches!(of, Int | Double | String),
            (Self::String, of) => matches!(of, Bool | Int | Double | String | Timestamp | Duration),
            (Self::Timestamp, of) => matches!(of, String | Int | Timestamp),
            (Self::Duration, of) => matches!(of, String | Duration),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Sized => "string, list or map",
            Self::Whatever => "any value",
            Self::Bool => "bool or string",
            Self::Int => "int, double, string or timestamp",
            Self::Double => "int, double or string",
            Self::String => "a bool, number, string, timestamp or duration",
            Self::Timestamp => "string, int or timestamp",
            Self::Duration => "string or duration",
        }
    }
}

/// Function, parameters (the receiver first) and result.
fn signature(name: &str, member: bool) -> Option<(Function, &'static [Takes], Type)> {
    use Takes::Text;
    Some(match (name, member) {
        ("size", _) => (Function::Size, &[Takes::Sized], Type::Int),
        ("startsWith", true) => (Function::StartsWith, &[Text, Text], Type::Bool),
        ("endsWith", true) => (Function::EndsWith, &[Text, Text], Type::Bool),
        ("contains", true) => (Function::Contains, &[Text, Text], Type::Bool),
        ("lowerAscii", true) => (Function::LowerAscii, &[Text], Type::String),
        ("upperAscii", true) => (Function::UpperAscii, &[Text], Type::String),
        ("trim", true) => (Function::Trim, &[Text], Type::String),
        ("replace", true) => (Function::Replace, &[Text, Text, Text], Type::String),
        ("bool", false) => (Function::ToBool, &[Takes::Bool], Type::Bool),
        ("int", false) => (Function::ToInt, &[Takes::Int], Type::Int),
        ("double", false) => (Function::ToDouble, &[Takes::Double], Type::Double),
        ("string", false) => (Function::ToString, &[Takes::String], Type::String),
        ("timestamp", false) => (Function::ToTimestamp, &[Takes::Timestamp], Type::Timestamp),
        ("duration", false) => (Function::ToDuration, &[Takes::Duration], Type::Duration),
        ("dyn", false) => (Function::ToAny, &[Takes::Whatever], Type::Any),
        _ => return None,
    })
}
