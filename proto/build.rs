//! Compiles the contracts without protoc and writes, from the protovalidate annotations, a `Validate` implementation
//! for every message.

use std::path::PathBuf;

use prost::Message as _;

#[path = "build/rules.rs"]
mod rules;
#[path = "build/validate.rs"]
mod validate;

const SERVICES: [&str; 6] = ["identity", "profile", "journey", "decision", "contact", "channel"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=attune");
    println!("cargo:rerun-if-changed=build");
    let mut files: Vec<String> = SERVICES.iter().map(|name| format!("attune/{name}/v1/{name}.proto")).collect();
    // Further services of profile stand in files of their own.
    files.extend(["audience", "models"].map(|name| format!("attune/profile/v1/{name}.proto")));
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_source_info(true).include_imports(true).open_files(&files)?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;

    let pool = compiler.descriptor_pool();
    std::fs::write(out.join("validate.rs"), validate::generate(&pool)?)?;

    let mut set = prost_types::FileDescriptorSet::decode(compiler.encode_file_descriptor_set().as_slice())?;
    // Annotations are read above; nobody needs them as types.
    set.file.retain(|file| file.package() != "buf.validate");
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    config.extern_path(".google.rpc.Status", "::tonic_types::pb::Status");
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_well_known_types(false)
        .compile_fds_with_config(set, config)?;
    Ok(())
}
