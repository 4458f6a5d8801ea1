//! Money on its way (发放): each time a case's grant was put on a list or paid, and what became of it.
//!
//! A grant is paid once; a monthly benefit once for each month. What two offices did without seeing each other is kept all the same, because money that went
//! out is a fact: a second payment is [`PayoutState::Again`] until it came back, a second listing is
//! [`PayoutState::Beside`] and must not be paid. One payment at most stands; when it comes back and another went out,
//! that one stands in its place.

use crate::area::Tier;
use crate::records::OpId;
use crate::records::amount::Fen;
use crate::records::day::Day;

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
#[serde(into = "&'static str")]
pub enum PayoutState {
    /// On a list, without a result yet.
    Listed,
    /// On a list although it was on another, or paid.
    Beside,
    /// It went out and stands.
    Paid,
    /// It went out although it was paid before.
    Again,
    /// It came back, or never arrived.
    Failed,
}

impl PayoutState {
    /// Every state.
    pub const ALL: [PayoutState; 5] =
        [PayoutState::Listed, PayoutState::Beside, PayoutState::Paid, PayoutState::Again, PayoutState::Failed];

    /// The word in views.
    pub fn word(self) -> &'static str {
        match self {
            PayoutState::Listed => "listed",
            PayoutState::Beside => "beside",
            PayoutState::Paid => "paid",
            PayoutState::Again => "again",
            PayoutState::Failed => "failed",
        }
    }

    /// On screens.
    pub fn label(self) -> &'static str {
        match self {
            PayoutState::Listed => "待登记结果",
            PayoutState::Beside => "另有名册，不发",
            PayoutState::Paid => "已发放",
            PayoutState::Again => "重复发放，待追回",
            PayoutState::Failed => "未到账",
        }
    }

    /// The inverse of [`PayoutState::word`].
    pub fn from_word(word: &str) -> Option<PayoutState> {
        PayoutState::ALL.into_iter().find(|state| state.word() == word)
    }
}

impl From<PayoutState> for &'static str {
    fn from(state: PayoutState) -> &'static str {
        state.word()
    }
}

/// One time that money was on its way.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Payout {
    /// The event that listed it or, when it was on no list, paid it.
    pub id: OpId,
    /// The tier that did.
    pub tier: Tier,
    /// The batch; empty: none.
    pub batch: String,
    /// The month it is for, `2019-06`.
    pub period: String,
    /// How much.
    pub amount: Fen,
    /// The last four characters of the account.
    pub account_last4: String,
    /// What became of it.
    pub state: PayoutState,
    /// The day of that.
    pub day: Option<Day>,
    /// Why it did not arrive.
    pub reason: String,
}

/// The month of a day.
pub fn month(day: Day) -> String {
    day.to_string()[..7].to_owned()
}

/// Whether a text is a month.
pub fn is_month(text: &str) -> bool {
    text.len() == 7 && Day::parse(&format!("{text}-01")).is_some()
}

/// The list a grant is on without a result.
pub(super) fn open(payouts: &[Payout]) -> Option<&Payout> {
    payouts.iter().find(|payout| payout.state == PayoutState::Listed)
}

/// Whether two are for the same: the same month, or of what is paid once, any.
fn for_the_same(monthly: bool, a: &Payout, b: &Payout) -> bool {
    !monthly || a.period == b.period
}

/// Put on a list; beside another one, or a payment, when there is one.
pub(super) fn list(payouts: &mut Vec<Payout>, new: Payout, monthly: bool) {
    let live = |payout: &Payout| matches!(payout.state, PayoutState::Listed | PayoutState::Paid);
    let taken = payouts.iter().any(|payout| live(payout) && for_the_same(monthly, payout, &new));
    let state = if taken { PayoutState::Beside } else { PayoutState::Listed };
    payouts.push(Payout { state, ..new });
}

/// Money went out. What was listed for it is that payment; another list must not be paid any more.
pub(super) fn pay(payouts: &mut Vec<Payout>, new: Payout, monthly: bool) {
    let same = |payout: &Payout| for_the_same(monthly, payout, &new);
    let before = payouts.iter().any(|payout| payout.state == PayoutState::Paid && same(payout));
    let period = new.period.clone();
    let state = if before { PayoutState::Again } else { PayoutState::Paid };
    let waits = |payout: &Payout| matches!(payout.state, PayoutState::Listed | PayoutState::Beside);
    let of_list = |payout: &Payout| waits(payout) && !new.batch.is_empty() && payout.batch == new.batch && same(payout);
    let listed = payouts.iter_mut().find(|payout| of_list(payout));
    match listed {
        Some(listed) => {
            (listed.id, listed.state, listed.day, listed.amount) = (new.id, state, new.day, new.amount);
            if !new.account_last4.is_empty() {
                listed.account_last4 = new.account_last4;
            }
        }
        None => payouts.push(Payout { state, ..new }),
    }
    let beside = |payout: &&mut Payout| payout.state == PayoutState::Listed && (!monthly || payout.period == period);
    for other in payouts.iter_mut().filter(beside) {
        other.state = PayoutState::Beside;
    }
}

/// Which one came back when a batch is named, or none is: what was paid twice, what was paid, what was listed.
fn returning(payouts: &[Payout], batch: &str) -> Option<usize> {
    let of_batch = |payout: &&Payout| batch.is_empty() || payout.batch == batch;
    let order = [PayoutState::Again, PayoutState::Paid, PayoutState::Listed, PayoutState::Beside];
    let mut found = order
        .into_iter()
        .filter(|state| !batch.is_empty() || *state != PayoutState::Beside)
        .filter_map(|state| payouts.iter().rposition(|payout| payout.state == state && of_batch(&payout)));
    found.next()
}

/// Whether something can come back.
pub(super) fn may_fail(payouts: &[Payout], batch: &str) -> bool {
    returning(payouts, batch).is_some()
}

/// It came back, or never arrived.
pub(super) fn fail(payouts: &mut [Payout], batch: &str, day: Option<Day>, reason: &str, monthly: bool) {
    let Some(at) = returning(payouts, batch) else { return };
    let (was, period) = (payouts[at].state, payouts[at].period.clone());
    (payouts[at].state, payouts[at].day, payouts[at].reason) = (PayoutState::Failed, day, reason.to_owned());
    let mut next = |from: PayoutState, to: PayoutState| {
        let same = |payout: &&mut Payout| payout.state == from && (!monthly || payout.period == period);
        if let Some(payout) = payouts.iter_mut().find(same) {
            payout.state = to;
        }
    };
    match was {
        PayoutState::Paid => next(PayoutState::Again, PayoutState::Paid),
        PayoutState::Listed => next(PayoutState::Beside, PayoutState::Listed),
        _ => {}
    }
}
