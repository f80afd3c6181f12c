//! A small disk that can be filled. Tests of other crates include this file too.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system, where this process may mount one.
pub(crate) struct Disk(PathBuf);

impl Disk {
    /// `None`: this process may not.
    pub(crate) fn mount(path: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m,mode=700", "koppeltaal"]).arg(path);
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        is_mounted.then(|| Self(path.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

/// Takes all room that is left on a disk.
pub(crate) fn take_all_room(filler: &Path) {
    let mut file = File::create(filler).expect("a file");
    while file.write_all(&[0; 512]).is_ok() {}
}
