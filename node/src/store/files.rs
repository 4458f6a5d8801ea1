//! Small files written so that a power cut leaves the old one or the new one, readable by their owner only.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::path::Path;

/// Options to create or open a file that only its owner may read.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes what was renamed or created in a directory last.
pub(crate) fn sync_directory(dir: &Path) -> Result<()> {
    // Windows has no handle to sync a directory by; NTFS journals the rename.
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

/// Replaces a file by these bytes: all of them or none.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let dir = path.parent().ok_or_else(|| Error::from(ErrorKind::InvalidInput))?;
    // A name alone lies in the working directory.
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let mut name = path.file_name().ok_or_else(|| Error::from(ErrorKind::InvalidInput))?.to_owned();
    name.push(".new");
    let fresh = dir.join(name);
    let mut file = private().write(true).create(true).truncate(true).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    sync_directory(dir)
}

/// Reads a file of at most `most` bytes.
pub(crate) fn read_limited(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(Error::from(ErrorKind::FileTooLarge)) } else { Ok(bytes) }
}
