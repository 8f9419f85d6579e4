//! For tests only: registries in the process, simulated and real ones, an image builder, damaged bytes, a mail server, a
//! PostgreSQL, a browser.
pub mod acr;
pub mod archive;
pub mod browser;
pub mod disk;
pub mod elf;
pub mod fixtures;
pub mod harbor;
pub mod http;
pub mod image;
pub mod mail;
pub mod oidc;
pub mod openpgp;
pub mod package;
pub mod planted;
pub mod postgres;
pub mod real;
pub mod registry;
pub mod rpm;
pub mod samples;
pub mod shelf;
pub mod spelling;
pub mod tar;
