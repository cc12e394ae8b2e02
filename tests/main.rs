//! The one integration binary: every test file is a module of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::float_cmp,
    clippy::approx_constant,
    reason = "a test that cannot go on says so by stopping, knows its numbers, and may ask for the very same float"
)]

mod architecture;
mod attack_clocks;
mod attack_copies;
mod attack_disk;
mod attack_erased;
mod attack_insider;
mod attack_killed;
mod attack_lines;
mod attack_stopped;
mod attack_tampered;
mod attack_together;
mod attack_wal;
mod backup;
mod bulk_acts;
mod colour_display;
mod conflicts;
mod demo_campaign;
mod demo_images;
mod exchange;
#[cfg(feature = "gui")]
mod gui;
#[cfg(feature = "gui")]
mod gui_adjudicate;
#[cfg(feature = "gui")]
mod gui_device;
#[cfg(feature = "gui")]
mod gui_films;
#[cfg(feature = "gui")]
mod gui_keeping;
#[cfg(feature = "gui")]
mod gui_layouts;
#[cfg(feature = "gui")]
mod gui_lights;
#[cfg(feature = "gui")]
mod gui_opening;
#[cfg(feature = "gui")]
mod gui_planes;
#[cfg(all(feature = "gui", feature = "network"))]
mod gui_pacs;
#[cfg(feature = "gui")]
mod gui_release;
#[cfg(feature = "gui")]
mod gui_slices;
#[cfg(feature = "gui")]
mod gui_stopped;
#[cfg(feature = "gui")]
mod gui_values;
mod history;
mod hostile;
mod house;
mod imaging_dicom_slide;
mod imaging_every;
mod imaging_films;
mod imaging_films_silent;
mod imaging_files;
mod imaging_known;
mod imaging_grey;
mod imaging_loader;
mod imaging_mutants;
mod imaging_mutants_film;
mod imaging_ndpi;
mod imaging_openslide;
mod imaging_oracles;
mod imaging_pyramid;
mod imaging_series;
mod imaging_stacks;
mod imaging_syntaxes;
mod imaging_stills;
mod imaging_tiff;
mod imaging_volumes;
mod journal_laws;
mod kept_folds;
mod licences;
mod matching;
mod migration;
mod ontology;
#[cfg(feature = "network")]
mod pacs;
#[cfg(feature = "network")]
mod pacs_hostile;
#[cfg(feature = "network")]
mod pacs_receive;
mod places;
mod project_store;
mod release;
#[cfg(feature = "gui")]
mod render;
#[cfg(feature = "gui")]
mod render_colour;
#[cfg(feature = "gui")]
mod render_covers;
#[cfg(feature = "gui")]
mod render_roam;
#[cfg(feature = "gui")]
mod render_viewport;
#[cfg(feature = "gui")]
mod render_volume;
#[cfg(feature = "gui")]
mod render_window_level;
mod support;
mod volume;
