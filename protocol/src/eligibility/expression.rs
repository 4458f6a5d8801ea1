//! One CEL expression: tried before it is published, judged or computed on facts.

use super::facts::{Facts, MemberFacts};
use crate::limits::{EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_LOOPS_MAX};
use crate::records::amount::Fen;
use crate::records::field::AMOUNT_MAX;
use cel::common::ast::{Expr, LiteralValue, operators};
use cel::parser::{Expression, Parser};
use cel::{Context, ExecutionError, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The names an expression may use.
const NAMES: [&str; 3] = ["household", "members", "standard"];

/// What an expression must come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expected {
    /// A condition.
    YesOrNo,
    /// A formula: an amount in fen.
    Amount,
}

/// What came of a condition.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "why")]
pub enum Outcome {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// It can't be told, and why (in Chinese).
    Unknown(String),
    /// It has no expression: a person must judge it.
    ForAPerson,
}

/// A parsed expression and what it asks for.
struct Parsed {
    expression: Expression,
    asked: Asked,
}

/// Expressions that a thread keeps parsed, at most: a pack has a few dozen.
const PARSED_MAX: usize = 512;

thread_local! {
    // A village's page judges the same expressions for each household, and parsing takes longer than judging.
    static PARSED: RefCell<BTreeMap<String, Rc<Parsed>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Parses an expression, or takes it as it was parsed before: the same text is always the same expression.
fn parsed(text: &str) -> Result<Rc<Parsed>, String> {
    if let Some(known) = PARSED.with_borrow(|known| known.get(text).cloned()) {
        return Ok(known);
    }
    let expression = parse(text)?;
    let asked = Asked::of(&expression);
    let new = Rc::new(Parsed { expression, asked });
    PARSED.with_borrow_mut(|known| {
        if known.len() >= PARSED_MAX {
            known.clear();
        }
        known.insert(text.to_owned(), new.clone());
    });
    Ok(new)
}

fn parse(text: &str) -> Result<Expression, String> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(format!("表达式超过 {EXPRESSION_BYTES_MAX} 字节"));
    }
    let parsed = Parser::new().max_recursion_depth(EXPRESSION_DEPTH_MAX).parse(text);
    parsed.map_err(|errors| {
        let first = errors.to_string();
        format!("表达式写法有误：{}", first.lines().next().unwrap_or_default())
    })
}

/// How many loops (`exists`, `all`, `filter`, …) stand in an expression; and the facts and standards it asks for.
#[derive(Default)]
struct Asked {
    loops: usize,
    // Of the household, and of its members.
    fields: BTreeSet<String>,
    personal: BTreeSet<String>,
    keys: BTreeSet<String>,
    names: BTreeSet<String>,
    own: BTreeSet<String>,
}

impl Asked {
    fn of(expression: &Expression) -> Asked {
        let mut asked = Asked::default();
        asked.look(expression);
        asked
    }

    fn look(&mut self, at: &Expression) {
        match &at.expr {
            Expr::Ident(name) => {
                self.names.insert(name.clone());
            }
            Expr::Select(select) => {
                let of_household = matches!(&select.operand.expr, Expr::Ident(name) if name == "household");
                let fields = if of_household { &mut self.fields } else { &mut self.personal };
                fields.insert(select.field.clone());
                self.look(&select.operand);
            }
            Expr::Call(call) => {
                if let (true, [map, key]) = (call.func_name == operators::INDEX, call.args.as_slice())
                    && let (Expr::Ident(name), Expr::Literal(LiteralValue::String(key))) = (&map.expr, &key.expr)
                    && name == "standard"
                {
                    self.keys.insert(key.inner().to_owned());
                }
                call.target.iter().for_each(|target| self.look(target));
                call.args.iter().for_each(|argument| self.look(argument));
            }
            Expr::Comprehension(all) => {
                self.loops += 1;
                self.own.extend([all.iter_var.clone(), all.accu_var.clone()]);
                for part in [&all.iter_range, &all.accu_init, &all.loop_cond, &all.loop_step, &all.result] {
                    self.look(part);
                }
            }
            Expr::List(list) => list.elements.iter().for_each(|element| self.look(element)),
            Expr::Map(_) | Expr::Struct(_) | Expr::Literal(_) | Expr::Unspecified => {}
        }
    }
}

fn context(facts: &Facts, standards: &BTreeMap<String, Fen>) -> Context<'static, 'static> {
    let mut context = Context::default();
    let mut give = |name: &str, value: Result<Value, cel::SerializationError>| {
        context.add_variable_from_value(name, value.unwrap_or(Value::Null));
    };
    give("household", cel::to_value(facts.household.plain()));
    give("members", cel::to_value(facts.members.iter().map(|member| member.plain()).collect::<Vec<_>>()));
    give("standard", cel::to_value(standards));
    context
}

/// Why an expression came to nothing, for people.
fn told(error: &ExecutionError) -> String {
    match error {
        // What is computed is missing when what it is computed from is.
        ExecutionError::NoSuchKey(name) if name.as_str() == "income_counted" => "“家庭年收入”未登记".to_owned(),
        ExecutionError::NoSuchKey(name) => match Facts::label(name) {
            Some(label) => format!("“{label}”未登记"),
            None => format!("“{name}”尚未由市级设定"),
        },
        ExecutionError::Overflow(..) => "数值过大".to_owned(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "除数为零".to_owned(),
        ExecutionError::UndeclaredReference(name) => format!("没有“{name}”这一名称"),
        // The texts of the others may hold values of a household.
        _ => "表达式的类型不合".to_owned(),
    }
}

/// What an expression was judged on, for people: `家庭年收入 12000.00元；低保标准 945.00元`.
fn used(asked: &Asked, facts: &Facts, standards: &BTreeMap<String, Fen>) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (name, label, shown) in facts.household.shown() {
        if asked.fields.contains(name) {
            parts.push(format!("{label} {shown}"));
        }
    }
    for (name, label) in MemberFacts::NAMES.iter().filter(|(name, _)| asked.personal.contains(*name)) {
        let of = |member: &MemberFacts| member.shown().into_iter().find(|(known, ..)| known == name).map(|(.., shown)| shown);
        let all: Vec<String> = facts.members.iter().map(|member| of(member).unwrap_or_else(|| "？".to_owned())).collect();
        parts.push(format!("{label} {}", all.join("、")));
    }
    for key in &asked.keys {
        if let Some(fen) = standards.get(key) {
            parts.push(format!("{key} {fen}元"));
        }
    }
    parts.join("；")
}

/// Tries an expression as a pack would publish it; `standards` are the codes of its amounts.
pub fn check(text: &str, expected: Expected, standards: &BTreeSet<String>) -> Result<(), String> {
    let expression = parse(text)?;
    let asked = Asked::of(&expression);
    if asked.loops > EXPRESSION_LOOPS_MAX {
        return Err(format!("循环超过 {EXPRESSION_LOOPS_MAX} 个"));
    }
    if let Some(name) = asked.names.iter().find(|name| !NAMES.contains(&name.as_str()) && !asked.own.contains(*name)) {
        return Err(format!("没有“{name}”这一名称，可用 household、members、standard"));
    }
    if let Some(key) = asked.keys.iter().find(|key| !standards.contains(*key)) {
        return Err(format!("没有“{key}”这一标准"));
    }
    if let Some(field) = asked.fields.union(&asked.personal).find(|field| Facts::label(field).is_none()) {
        return Err(format!("没有“{field}”这一栏目"));
    }
    let all = standards.iter().map(|code| (code.clone(), Fen(1))).collect();
    let context = context(&Facts::full(), &all);
    match (expected, context.resolve(&expression)) {
        (Expected::YesOrNo, Ok(Value::Bool(_))) | (Expected::Amount, Ok(Value::Int(_))) => Ok(()),
        (Expected::YesOrNo, Ok(_)) => Err("条件须得出是或否".to_owned()),
        (Expected::Amount, Ok(_)) => Err("公式须得出金额（分，整数）".to_owned()),
        (_, Err(error)) => Err(told(&error)),
    }
}

/// What conditions and formulas are judged on: the facts of one household, and the standards that are set.
pub struct Ground<'a> {
    facts: &'a Facts,
    standards: &'a BTreeMap<String, Fen>,
    context: Context<'static, 'static>,
}

impl<'a> Ground<'a> {
    /// Of a household.
    pub fn of(facts: &'a Facts, standards: &'a BTreeMap<String, Fen>) -> Ground<'a> {
        Ground { facts, standards, context: context(facts, standards) }
    }

    /// Judges a condition, and says on what.
    pub fn judge(&self, text: &str) -> (Outcome, String) {
        let parsed = match parsed(text) {
            Ok(parsed) => parsed,
            Err(why) => return (Outcome::Unknown(why), String::new()),
        };
        let outcome = match self.context.resolve(&parsed.expression) {
            Ok(Value::Bool(true)) => Outcome::Holds,
            Ok(Value::Bool(false)) => Outcome::Fails,
            Ok(_) => Outcome::Unknown("条件没有得出是或否".to_owned()),
            Err(error) => Outcome::Unknown(told(&error)),
        };
        (outcome, used(&parsed.asked, self.facts, self.standards))
    }

    /// Computes a formula in fen, and says from what; else why there is no amount, in Chinese.
    pub fn amount(&self, text: &str) -> Result<(Fen, String), String> {
        let parsed = parsed(text)?;
        match self.context.resolve(&parsed.expression) {
            Ok(Value::Int(fen)) if (0..=AMOUNT_MAX.0).contains(&fen) => {
                Ok((Fen(fen), used(&parsed.asked, self.facts, self.standards)))
            }
            Ok(Value::Int(_)) => Err("公式得出的金额为负或过大".to_owned()),
            Ok(_) => Err("公式没有得出金额".to_owned()),
            Err(error) => Err(told(&error)),
        }
    }
}

/// The first standard an expression asks for that the pack has not set.
pub(crate) fn unset(text: &str, standards: &BTreeMap<String, Fen>) -> Option<String> {
    let parsed = parsed(text).ok()?;
    parsed.asked.keys.iter().find(|key| !standards.contains_key(*key)).cloned()
}
