//! What the Desk answers: what was done, or why nothing was.
//!
//! Every error tells three things in Chinese (what is wrong, what is safe, what to press) and has one stable word for
//! programs. Values of fields are carried for the page that shows them to the person who typed; `Debug` and `Display`
//! leave them out, so that they never reach a log.

use super::wire;
use serde::Serialize;
use shouwang_protocol::entry::EntryRef;
use shouwang_protocol::record::{CaseId, RecordId};
use shouwang_protocol::records::OpId;
use shouwang_protocol::records::import::RowFault;
use shouwang_protocol::replica::CommitError;
use shouwang_protocol::store::StoreError;
use utoipa::ToSchema;

/// What was done.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
pub struct Outcome {
    /// The records that were changed or made; of a new household or member of staff, the record.
    #[serde(with = "wire::record::list")]
    #[schema(value_type = Vec<String>)]
    pub records: Vec<RecordId>,
    /// The case it is about.
    #[serde(with = "wire::case::maybe")]
    #[schema(value_type = Option<String>)]
    pub case: Option<CaseId>,
    /// The entries written; none when nothing changed.
    #[serde(serialize_with = "entries")]
    #[schema(value_type = Vec<String>)]
    pub entries: Vec<EntryRef>,
    /// Whether this very action had been done before.
    pub again: bool,
    /// What others changed in the record since the form was shown.
    pub changed_meanwhile: Vec<FieldChange>,
    /// What happened, in Chinese, for the person.
    pub message: String,
}

fn entries<S: serde::Serializer>(entries: &[EntryRef], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(entries.iter().map(|entry| format!("{}/{}", entry.log, entry.sequence)))
}

/// A field that got another value.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldChange {
    /// The field's name.
    pub field: String,
    /// Its Chinese name.
    pub label: String,
    /// The row of `members` or `aid`; none: the household itself.
    #[serde(with = "wire::op::maybe")]
    #[schema(value_type = Option<String>)]
    pub row: Option<OpId>,
    /// Before.
    pub was: String,
    /// After.
    pub now: String,
}

impl std::fmt::Debug for FieldChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FieldChange({})", self.field)
    }
}

/// A field that cannot be taken.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, ToSchema)]
pub struct FieldFault {
    /// The field; `members[2].id_no` for a member's.
    pub field: String,
    /// Why, in Chinese, without the value.
    pub reason: String,
}

impl FieldFault {
    /// A fault of `field`.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> FieldFault {
        FieldFault { field: field.into(), reason: reason.into() }
    }
}

impl From<RowFault> for FieldFault {
    fn from(fault: RowFault) -> FieldFault {
        FieldFault { field: fault.field, reason: fault.reason }
    }
}

/// Why nothing was done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DeskError {
    /// The person may not do this.
    NotPermitted {
        /// Why, in Chinese.
        why: String,
    },
    /// Something typed in cannot be taken.
    Invalid {
        /// What and why.
        faults: Vec<FieldFault>,
    },
    /// Somebody else changed the same fields since the form was shown.
    Conflict {
        /// Those fields.
        changed: Vec<FieldChange>,
    },
    /// The case does not allow the step now.
    NotNow {
        /// Why, in Chinese.
        why: String,
    },
    /// What is named is not on this machine.
    NotFound {
        /// What, in Chinese.
        what: String,
    },
    /// Wrong id, wrong password, wrong code. Which of them is not said.
    WrongPassword,
    /// Too many wrong passwords.
    Locked {
        /// Seconds until the next try.
        seconds: u64,
    },
    /// The session has ended.
    SignedOut,
    /// The machine cannot write now; everything can be read.
    ReadOnly {
        /// Why, without personal data.
        why: String,
    },
    /// The machine's logs are closed, or it is not enrolled.
    Closed,
    /// A file on a stick that was not made, or not taken.
    Carried {
        /// Why, in Chinese, without personal data.
        why: String,
        /// What is safe.
        safe: &'static str,
        /// What to press.
        press: &'static str,
    },
    /// The database failed; what became of the action is unknown, doing it again is safe.
    Store {
        /// Why, without personal data.
        why: String,
    },
}

impl DeskError {
    /// One fault.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> DeskError {
        DeskError::Invalid { faults: vec![FieldFault::new(field, reason)] }
    }

    pub(crate) fn not_permitted(why: impl Into<String>) -> DeskError {
        DeskError::NotPermitted { why: why.into() }
    }

    pub(crate) fn not_found(what: impl Into<String>) -> DeskError {
        DeskError::NotFound { what: what.into() }
    }

    /// The stable word for programs.
    pub fn word(&self) -> &'static str {
        match self {
            DeskError::NotPermitted { .. } => "not_permitted",
            DeskError::Invalid { .. } => "invalid",
            DeskError::Conflict { .. } => "conflict",
            DeskError::NotNow { .. } => "not_now",
            DeskError::NotFound { .. } => "not_found",
            DeskError::WrongPassword => "wrong_password",
            DeskError::Locked { .. } => "locked",
            DeskError::SignedOut => "signed_out",
            DeskError::ReadOnly { .. } => "read_only",
            DeskError::Closed => "closed",
            DeskError::Carried { .. } => "carried",
            DeskError::Store { .. } => "store",
        }
    }

    /// What is wrong.
    pub fn what(&self) -> String {
        match self {
            DeskError::NotPermitted { why } | DeskError::NotNow { why } => format!("不能办理：{why}"),
            DeskError::Invalid { faults } => {
                let lines: Vec<String> = faults.iter().map(|fault| fault.reason.clone()).collect();
                format!("填写有误：{}", lines.join("；"))
            }
            DeskError::Conflict { changed } => {
                let labels: Vec<&str> = changed.iter().map(|change| change.label.as_str()).collect();
                format!("打开表单之后，他人改动了同一内容：{}", labels.join("、"))
            }
            DeskError::NotFound { what } => format!("本机没有这一{what}"),
            DeskError::WrongPassword => "账号或密码不对".to_owned(),
            DeskError::Locked { seconds } => format!("输错次数过多，请 {} 后再试", span(*seconds)),
            DeskError::SignedOut => "登录已结束".to_owned(),
            DeskError::ReadOnly { why } => format!("本机暂时不能写入（{why}）"),
            DeskError::Closed => "本机的登记已停用，不能写入".to_owned(),
            DeskError::Carried { why, .. } => why.clone(),
            DeskError::Store { why } => format!("数据库出错（{why}）"),
        }
    }

    /// What is safe.
    pub fn safe(&self) -> &'static str {
        match self {
            DeskError::Carried { safe, .. } => safe,
            DeskError::Store { .. } => "这一步是否已保存尚不确定；重做一次不会重复。",
            DeskError::ReadOnly { .. } | DeskError::Closed => "没有写入任何内容，已有数据都可以查看。",
            _ => "没有写入任何内容，填写的内容还在表单里。",
        }
    }

    /// What to press.
    pub fn press(&self) -> &'static str {
        match self {
            DeskError::NotPermitted { .. } => "请由有权限的人员办理，或请管理员调整角色。",
            DeskError::Invalid { .. } => "请改正标出的内容，再按“保存”。",
            DeskError::Conflict { .. } => "请核对他人的改动，再按“保存”。",
            DeskError::NotNow { .. } => "请刷新页面，查看事项现在的办理状态。",
            DeskError::NotFound { .. } => "请返回列表查找；刚由他处登记的，请等待同步。",
            DeskError::WrongPassword => "请重新输入；忘记密码请找本机构管理员。",
            DeskError::Locked { .. } => "请稍候，或找本机构管理员重设密码。",
            DeskError::SignedOut => "请重新登录。",
            DeskError::ReadOnly { .. } => "请清理磁盘空间；恢复后按“重试”。",
            DeskError::Closed => "请联系市社会救助服务中心重新登记本机。",
            DeskError::Carried { press, .. } => press,
            DeskError::Store { .. } => "请按“重试”；仍不行请联系技术人员。",
        }
    }
}

fn span(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds} 秒") } else { format!("{} 分钟", seconds.div_ceil(60)) }
}

impl std::fmt::Display for DeskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}。{}{}", self.what(), self.safe(), self.press())
    }
}

impl std::error::Error for DeskError {}

impl From<StoreError> for DeskError {
    fn from(error: StoreError) -> DeskError {
        match error {
            StoreError::Full => DeskError::ReadOnly { why: "磁盘已满".to_owned() },
            StoreError::Damaged(why) => DeskError::ReadOnly { why: format!("数据库损坏：{why}") },
            StoreError::Failed(why) => DeskError::Store { why },
        }
    }
}

impl From<CommitError> for DeskError {
    fn from(error: CommitError) -> DeskError {
        match error {
            CommitError::UnknownRecord => DeskError::not_found("档案"),
            CommitError::Edit(_) => DeskError::not_found("内容（可能已由他人改动）"),
            CommitError::TooLarge(_) => DeskError::invalid("", "一次写入的内容太多，请分几次保存"),
            CommitError::Refused(_) => DeskError::not_permitted("本机构不能写入这一档案"),
            CommitError::Closed => DeskError::Closed,
            CommitError::Store(error) => error.into(),
        }
    }
}

impl From<crate::writer::Stopped> for DeskError {
    fn from(_: crate::writer::Stopped) -> DeskError {
        DeskError::Store { why: "程序正在停止".to_owned() }
    }
}
