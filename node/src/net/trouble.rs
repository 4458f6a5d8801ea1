//! Why a connection is not there or no longer there: for the log, for the peer, and in Chinese for people.
//!
//! Both sides close with the same code and word, so that each can say the reason.

use quinn::{ConnectionError, VarInt};
use shouwang_protocol::sync::message::Farewell;

/// Why there is no connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Trouble {
    /// The name is not known, or the name service does not answer.
    #[error("the address cannot be looked up")]
    UnknownAddress,
    /// This machine has no network.
    #[error("this machine has no network")]
    NoNetwork,
    /// Nobody answers at the address.
    #[error("nobody answers at the address")]
    NoAnswer,
    /// Somebody answers who does not speak this protocol.
    #[error("the handshake failed")]
    Handshake,
    /// Another device than the expected one answers.
    #[error("another device than the expected one answers")]
    OtherDevice,
    /// Something sent was not answered in time.
    #[error("the other device fell silent")]
    Silent,
    /// The network broke the connection.
    #[error("the connection was lost")]
    Lost,
    /// What arrived was no message.
    #[error("what arrived was no message")]
    Garbage,
    /// Too many devices ask at once.
    #[error("too many devices ask at once")]
    Busy,
    /// The database of this device cannot be used.
    #[error("the database of this device cannot be used now")]
    OwnDisk,
    /// One side ended the session.
    #[error("{0}")]
    Ended(Farewell),
}

/// Codes and words of farewells and troubles on the wire. They never change their meaning.
const CODES: [(Trouble, u32, &str); 12] = [
    (Trouble::Ended(Farewell::Version), 1, "version"),
    (Trouble::Ended(Farewell::Foreign), 2, "foreign"),
    (Trouble::Ended(Farewell::Expired), 3, "expired"),
    (Trouble::Ended(Farewell::Revoked), 4, "revoked"),
    (Trouble::Ended(Farewell::WrongArea), 5, "wrong-area"),
    (Trouble::Ended(Farewell::Malformed), 6, "malformed"),
    (Trouble::Ended(Farewell::Replaced), 7, "replaced"),
    (Trouble::Ended(Farewell::Stopping), 8, "stopping"),
    (Trouble::Ended(Farewell::Disk), 9, "disk"),
    (Trouble::Silent, 16, "silent"),
    (Trouble::Garbage, 17, "garbage"),
    (Trouble::Busy, 18, "busy"),
];

impl Trouble {
    /// A stable word for files and interfaces.
    pub fn word(self) -> &'static str {
        match self {
            Trouble::UnknownAddress => "unknown-address",
            Trouble::NoNetwork => "no-network",
            Trouble::NoAnswer => "no-answer",
            Trouble::Handshake => "handshake",
            Trouble::OtherDevice => "other-device",
            Trouble::Lost => "lost",
            Trouble::OwnDisk => "own-disk",
            coded => coded.code().1,
        }
    }

    /// What a page shows.
    pub fn chinese(self) -> &'static str {
        match self {
            Trouble::UnknownAddress => "找不到上级地址，请检查地址或网络",
            Trouble::NoNetwork => "本机没有网络",
            Trouble::NoAnswer => "对方没有应答，可能断网或未开机",
            Trouble::Handshake => "对方不是守望节点，或版本不兼容",
            Trouble::OtherDevice => "应答的不是预期的设备",
            Trouble::Silent => "对方长时间没有回应，正在重新连接",
            Trouble::Lost => "连接中断，正在重新连接",
            Trouble::Garbage => "收到无法识别的数据，已断开",
            Trouble::Busy => "对方正忙，稍后再试",
            Trouble::OwnDisk => "本机数据库暂时不能使用",
            Trouble::Ended(why) => match why {
                Farewell::Version => "双方程序版本不兼容，请升级",
                Farewell::Foreign => "设备证书不属于本市，请联系市级管理员",
                Farewell::Expired => "设备证书已过期，请联系市级管理员续期",
                Farewell::Revoked => "设备已被注销",
                Farewell::WrongArea => "双方没有共同的辖区",
                Farewell::Malformed => "收到无法识别的数据，已断开",
                Farewell::Replaced => "同一设备建立了新的连接",
                Farewell::Stopping => "对方正在停止或重启",
                Farewell::Disk => "磁盘写满或出错，同步暂停",
            },
        }
    }

    /// Whether trying again soon is of no use: somebody has to do something first.
    pub fn is_fatal(self) -> bool {
        matches!(
            self,
            Trouble::OtherDevice
                | Trouble::Ended(
                    Farewell::Version
                        | Farewell::Foreign
                        | Farewell::Expired
                        | Farewell::Revoked
                        | Farewell::WrongArea
                        | Farewell::Replaced
                )
        )
    }

    fn code(self) -> (VarInt, &'static str) {
        let known = CODES.iter().find(|(trouble, ..)| *trouble == self);
        known.map_or((VarInt::from_u32(0), "closed"), |(_, code, word)| (VarInt::from_u32(*code), word))
    }

    /// Closes a connection for this reason.
    pub fn close(self, connection: &quinn::Connection) {
        let (code, word) = self.code();
        connection.close(code, word.as_bytes());
    }

    /// Why an established connection ended.
    pub fn of(error: &ConnectionError) -> Trouble {
        match error {
            ConnectionError::ApplicationClosed(close) => {
                let code = u32::try_from(close.error_code.into_inner()).unwrap_or(0);
                CODES.iter().find(|(_, known, _)| *known == code).map_or(Trouble::Lost, |(trouble, ..)| *trouble)
            }
            ConnectionError::TransportError(_) | ConnectionError::ConnectionClosed(_) => Trouble::Garbage,
            _ => Trouble::Lost,
        }
    }

    /// Why a handshake failed.
    pub fn of_handshake(error: &ConnectionError) -> Trouble {
        match error {
            ConnectionError::TimedOut => Trouble::NoAnswer,
            ConnectionError::ApplicationClosed(_) => Trouble::of(error),
            // A full acceptor refuses before it looks.
            ConnectionError::ConnectionClosed(close) if close.error_code == quinn::TransportErrorCode::CONNECTION_REFUSED => {
                Trouble::Busy
            }
            _ => Trouble::Handshake,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_farewell_has_a_code_of_its_own() {
        use Farewell::*;
        let all = [Version, Foreign, Expired, Revoked, WrongArea, Malformed, Replaced, Stopping, Disk];
        let codes: BTreeSet<VarInt> = all.iter().map(|why| Trouble::Ended(*why).code().0).collect();
        assert_eq!(codes.len(), all.len());
        assert!(!codes.contains(&VarInt::from_u32(0)));
        let words: BTreeSet<&str> = CODES.iter().map(|(.., word)| *word).collect();
        assert_eq!(words.len(), CODES.len());
    }
}
