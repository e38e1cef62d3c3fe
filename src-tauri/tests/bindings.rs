//! The TypeScript of the commands is generated and checked in. This fails when the file that is
//! checked in is stale; `cargo bindings` writes it anew.

use std::fs;
use std::path::Path;

use specta_typescript::Typescript;

const HEADER: &str = "// Generated from the commands in src-tauri/src/commands by `cargo bindings`.\n\
                      // Do not edit: a test compares it.\n";

#[test]
fn the_committed_bindings_are_those_of_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = folder.path().join("bindings.ts");
    chatkeep_app::commands::bindings()
        .export(Typescript::default().header(HEADER), &fresh)
        .unwrap();
    let fresh = fs::read_to_string(fresh).unwrap();

    let committed_at = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/src/lib/ipc/bindings.ts");
    let committed = fs::read_to_string(&committed_at).unwrap_or_default();
    if std::env::var_os("CHATKEEP_WRITE_BINDINGS").is_some() {
        fs::write(&committed_at, &fresh).unwrap();
        return;
    }
    assert!(
        committed == fresh,
        "ui/src/lib/ipc/bindings.ts is stale: run `cargo bindings` and commit it"
    );
}
