//! Bar charts drawn here, as shapes for a template: no script, no picture files, and a table always beside them.
//!
//! Coordinates are whole units of the drawing; lengths follow the amounts by whole-number arithmetic.

use shouwang_protocol::records::amount::Fen;

/// Bars on a chart at most.
const BARS_MAX: usize = 40;

/// A drawing.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// Its name in the page.
    pub id: &'static str,
    /// What it shows.
    pub title: String,
    /// What a person who cannot see it should know.
    pub desc: String,
    /// Units across.
    pub width: i64,
    /// Units down.
    pub height: i64,
    /// Lines behind the bars: from, to, and what they mark.
    pub lines: Vec<Line>,
    /// The bars.
    pub bars: Vec<Bar>,
}

/// A line.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// From.
    pub x1: i64,
    /// To.
    pub x2: i64,
    /// How far down.
    pub y: i64,
    /// What it marks.
    pub label: String,
}

/// A bar.
#[derive(Clone, Debug, Default)]
pub struct Bar {
    /// Left edge.
    pub x: i64,
    /// Upper edge.
    pub y: i64,
    /// Width.
    pub w: i64,
    /// Height.
    pub h: i64,
    /// What it stands for, and where that is written.
    pub label: (i64, i64, String),
    /// How much, and where that is written.
    pub value: (i64, i64, String),
    /// The list behind it.
    pub href: String,
    /// The exact words.
    pub tip: String,
}

/// One value to draw.
#[derive(Clone, Debug, Default)]
pub struct Datum {
    /// What it stands for.
    pub label: String,
    /// How much.
    pub amount: Fen,
    /// The list behind it.
    pub href: String,
    /// The exact words.
    pub tip: String,
}

/// An amount in a few characters: `945`, `2.8万`.
pub fn short(amount: Fen) -> String {
    let yuan = amount.0 / 100;
    match yuan.abs() {
        0..10_000 => yuan.to_string(),
        10_000..100_000_000 => format!("{}.{}万", yuan / 10_000, yuan.abs() % 10_000 / 1_000),
        _ => format!("{}.{}亿", yuan / 100_000_000, yuan.abs() % 100_000_000 / 10_000_000),
    }
}

/// `amount` of `whole` units when the greatest takes them all.
fn scaled(amount: Fen, greatest: i64, whole: i64) -> i64 {
    let length = i128::from(amount.0.max(0)) * i128::from(whole) / i128::from(greatest.max(1));
    i64::try_from(length).unwrap_or(whole).max(i64::from(amount.0 > 0))
}

/// Standing bars in the order of time.
pub fn columns(id: &'static str, title: String, desc: String, data: Vec<Datum>) -> Chart {
    let (left, top, base, width) = (56, 28, 196, 720);
    let data: Vec<Datum> = data.into_iter().take(BARS_MAX).collect();
    let greatest = data.iter().map(|datum| datum.amount.0).max().unwrap_or_default();
    let step = (width - left - 8) / i64::try_from(data.len()).unwrap_or(1).max(1);
    let wide = (step * 2 / 3).clamp(4, 48);
    let line = |quarters: i64| Line {
        x1: left,
        x2: width - 8,
        y: base - (base - top) * quarters / 4,
        label: short(Fen(greatest / 4 * quarters)),
    };
    let bar = |(at, datum): (usize, Datum)| {
        let middle = left + step * i64::try_from(at).unwrap_or_default() + step / 2;
        let high = scaled(datum.amount, greatest, base - top);
        let value = if datum.amount.0 != 0 { short(datum.amount) } else { String::new() };
        Bar {
            x: middle - wide / 2,
            y: base - high,
            w: wide,
            h: high,
            label: (middle, base + 18, datum.label),
            value: (middle, base - high - 6, value),
            href: datum.href,
            tip: datum.tip,
        }
    };
    let bars = data.into_iter().enumerate().map(bar).collect();
    Chart { id, title, desc, width, height: base + 28, lines: [0, 2, 4].map(line).into(), bars }
}

/// Lying bars, the greatest first.
pub fn rows(id: &'static str, title: String, desc: String, data: Vec<Datum>) -> Chart {
    let (left, row, width, room) = (168, 28, 720, 76);
    let data: Vec<Datum> = data.into_iter().take(BARS_MAX).collect();
    let greatest = data.iter().map(|datum| datum.amount.0).max().unwrap_or_default();
    let height = row * i64::try_from(data.len()).unwrap_or_default() + 8;
    let bar = |(at, datum): (usize, Datum)| {
        let y = row * i64::try_from(at).unwrap_or_default() + 6;
        let long = scaled(datum.amount, greatest, width - left - room);
        Bar {
            x: left,
            y,
            w: long,
            h: row - 10,
            label: (left - 8, y + 14, clipped(&datum.label)),
            value: (left + long + 6, y + 14, short(datum.amount)),
            href: datum.href,
            tip: datum.tip,
        }
    };
    let bars = data.into_iter().enumerate().map(bar).collect();
    Chart { id, title, desc, width, height, lines: Vec::new(), bars }
}

/// At most ten characters.
fn clipped(label: &str) -> String {
    match label.char_indices().nth(10) {
        Some((at, _)) => format!("{}…", &label[..at]),
        None => label.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_amounts_and_never_leave_the_drawing() {
        let datum = |fen| Datum { amount: Fen(fen), label: "很长很长很长的救助种类名称".into(), ..Datum::default() };
        for amounts in [vec![0, 0], vec![1, 1_000_000], vec![i64::MAX, i64::MAX / 2, 0], vec![]] {
            for draw in [columns, rows] {
                let chart = draw("x", String::new(), String::new(), amounts.iter().copied().map(datum).collect());
                for bar in &chart.bars {
                    assert!(bar.x >= 0 && bar.y >= 0 && bar.w >= 0 && bar.h >= 0);
                    assert!(bar.x + bar.w <= chart.width && bar.y + bar.h <= chart.height, "{bar:?}");
                }
            }
        }
        let two = rows("x", String::new(), String::new(), vec![datum(400), datum(100)]);
        assert_eq!(two.bars[0].w, two.bars[1].w * 4);
        assert_eq!(short(Fen(283_500)), "2835");
        assert_eq!((short(Fen(1_234_567_800)), short(Fen(4_500_000))), ("1234.5万".into(), "4.5万".into()));
    }
}
