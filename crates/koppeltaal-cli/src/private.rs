//! Files with secrets or data of patients, which only their owner may read from the moment they exist. On
//! Windows they have the rights of the folder.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// How many random names to try.
const NAMES: usize = 16;

/// How much room a file needs whose content is not known yet.
const ROOM: usize = 16 << 10;

/// How many files of one name there may be in a folder.
const COPIES: usize = 1000;

/// Makes a folder, and those above it, if it is not there. One that is there keeps its rights.
pub(crate) fn folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file that was not there. A file that could not be written to its end is removed.
///
/// # Errors
///
/// `AlreadyExists`: there is something of that name, even if it is only a link. Else those of the file
/// system.
pub(crate) fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let written = create_new(path)?.write_all(content);
    if written.is_err() {
        // The first error counts, even if this fails too.
        let _ = fs::remove_file(path);
    }
    written
}

/// Writes a file under this name or, if something has it, under the next that is free: `NAME-2.EXTENSION`,
/// and so on. Returns the name.
///
/// # Errors
///
/// There are a thousand files of that name; else those of the file system.
pub(crate) fn write_beside(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let stem = path.file_stem().unwrap_or_default();
    for number in 1..=COPIES {
        let mut name = stem.to_owned();
        if number > 1 {
            name.push(format!("-{number}"));
        }
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        let file = path.with_file_name(name);
        match write_new(&file, content) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|()| file),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Writes a file under a random name in the same folder, and then moves it into place. So readers see the old
/// file or the whole new one, a link in its place is not followed, and the rights of an old file do not
/// matter.
///
/// # Errors
///
/// Something that is not a file is in its place, such as a device; else those of the file system.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    check(path)?;
    let (beside, mut file) = create_beside(path)?;
    let written =
        file.write_all(content).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The first error counts, even if this fails too.
        let _ = fs::remove_file(&beside);
        return written;
    }
    // Syncing the folder keeps the name through a power cut. Not every system can do it.
    let _ = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Makes an empty file under a random name in the same folder.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    for _ in 0..NAMES {
        let mut beside = name.to_owned();
        beside.push(format!(".{:016x}.new", RandomState::new().hash_one(0)));
        let beside = folder_of(path).join(beside);
        match create_new(&beside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return Ok((beside, result?)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Checks as far as possible that a file can be written later, and makes its folder: also that there is room
/// for it. For content that can be had only once.
pub(crate) fn prepare(path: &Path) -> io::Result<()> {
    check(path)?;
    folder(folder_of(path))?;
    let (beside, mut file) = create_beside(path)?;
    let written = file.write_all(&[0; ROOM]).and_then(|()| file.sync_all());
    fs::remove_file(&beside).and(written)
}

fn check(path: &Path) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "something that is not a file is there"));
    }
    Ok(())
}

/// Whether users other than its owner may read a file.
#[cfg(unix)]
pub(crate) fn is_shared(path: &Path) -> bool {
    let mode = |found: fs::Metadata| std::os::unix::fs::PermissionsExt::mode(&found.permissions());
    fs::metadata(path).is_ok_and(|found| mode(found) & 0o044 != 0)
}

/// Whether users other than its owner may read a file: that is not known here.
#[cfg(not(unix))]
pub(crate) fn is_shared(_: &Path) -> bool {
    false
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Opens a file that was not there, not even as a link.
fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn world(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("koppeltaal-private-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn files_and_folders_are_for_their_owner_only_and_leave_nothing_beside_them() {
        let world = world("modes");
        let inner = world.join("a").join("b");
        folder(&inner).expect("a folder");
        assert_eq!((mode(&inner), mode(&world.join("a"))), (0o700, 0o700));
        let file = inner.join("file");
        fs::write(&file, "old").expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("rights");
        write(&file, b"new").expect("written");
        assert_eq!((mode(&file), fs::read_to_string(&file).expect("a text")), (0o600, "new".to_owned()));
        write_new(&file, b"newer").expect_err("it is there");
        assert_eq!(fs::read_to_string(&file).expect("a text"), "new");
        write_new(&inner.join("other"), b"").expect("made");
        assert_eq!(mode(&inner.join("other")), 0o600);
        assert_eq!(fs::read_dir(&inner).expect("a folder").count(), 2);
        fs::remove_dir_all(&world).expect("removed");
    }

    #[test]
    fn a_file_is_written_beside_others_of_its_name() {
        let world = world("beside");
        let file = world.join("17.json");
        symlink("nowhere", world.join("17-3.json")).expect("a link");
        let written = |content: &str| write_beside(&file, content.as_bytes()).expect("written");
        assert_eq!(written("one"), file);
        assert_eq!(written("two"), world.join("17-2.json"));
        assert_eq!(written("four"), world.join("17-4.json"));
        assert_eq!(fs::read_to_string(&file).expect("a text"), "one");
        assert_eq!(mode(&world.join("17-4.json")), 0o600);
        fs::remove_dir_all(&world).expect("removed");
    }

    #[test]
    fn links_are_not_followed() {
        let world = world("links");
        let (other, file) = (world.join("other"), world.join("file"));
        fs::write(&other, "theirs").expect("a file");
        symlink(&other, &file).expect("a link");
        write(&file, b"ours").expect("written");
        assert_eq!(fs::read_to_string(&other).expect("a text"), "theirs");
        assert!(fs::symlink_metadata(&file).expect("it is there").is_file());
        fs::remove_dir_all(&world).expect("removed");
    }

    #[test]
    fn what_is_not_a_file_stays() {
        let world = world("devices");
        for path in [Path::new("/dev/null"), &world] {
            assert!(write(path, b"x").is_err(), "{}", path.display());
        }
        assert!(fs::read_dir(&world).expect("a folder").next().is_none());
        fs::remove_dir_all(&world).expect("removed");
    }
}
