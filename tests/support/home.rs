//! A home folder of a test's own: what `mcpgw` started in it reads and writes is nobody else's.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// HOME and the working folder of the programs started in it; MCPGW_HOME is inside, for `mcpgw` to create.
pub struct Home {
    dir: TempDir,
}

impl Home {
    /// An empty home.
    pub fn new() -> Self {
        Self { dir: tempfile::Builder::new().prefix("mcpgw-test-").tempdir().unwrap() }
    }

    /// HOME, and where programs start.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// MCPGW_HOME.
    pub fn state(&self) -> PathBuf {
        self.path().join(".mcpgw")
    }

    /// Writes a file, with its folders, and gives its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Reads a file as text.
    pub fn read(&self, name: &str) -> String {
        let path = self.path().join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The variables of a program in this home, beside its PATH.
    pub fn environment(&self) -> [(&'static str, PathBuf); 3] {
        [("LANG", "C.UTF-8".into()), ("HOME", self.path().to_owned()), ("MCPGW_HOME", self.state())]
    }
}
