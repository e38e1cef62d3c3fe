//! Rebuilds the crate when a migration is added: the macro that embeds them sees only the files
//! that were there when it last ran.

fn main() {
    println!("cargo::rerun-if-changed=../../../migrations");
}
