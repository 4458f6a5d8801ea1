//! Random bytes from the system: the one place that asks for them.

use ring::rand::{SecureRandom as _, SystemRandom};

/// Random bytes.
pub fn bytes<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| std::io::Error::other("the system has no random numbers"))?;
    Ok(bytes)
}

/// 256 random bits as text.
pub fn hex_token() -> std::io::Result<String> {
    Ok(shouwang_protocol::hash::hex(&bytes::<32>()?))
}
