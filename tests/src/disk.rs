//! A disk of a few megabytes that a test can fill: a tmpfs of its own. Mounting one takes root.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted small disk. Dropping it unmounts it.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one of so many megabytes in a new directory; none where that is not possible.
    pub fn mount(at: PathBuf, megabytes: u32) -> Option<SmallDisk> {
        std::fs::create_dir(&at).ok()?;
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).output().ok()?;
        mounted.status.success().then_some(SmallDisk(at))
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Takes all the room there is.
    pub fn fill(&self) -> io::Result<()> {
        let mut ballast = File::create(self.0.join("ballast"))?;
        let block = [0; 4096];
        loop {
            match ballast.write_all(&block) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives it back.
    pub fn empty(&self) -> io::Result<()> {
        std::fs::remove_file(self.0.join("ballast"))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a node that a failing test left behind may still have files open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}
