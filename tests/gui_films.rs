//! A film in the window, by keyboard alone: steps, J K L, jumps to a time and to key frames, the strip of pictures.

use egui::{Key, Modifiers};

use crate::support::films::{ffmpeg, film};
use crate::support::window::Window;

#[test]
fn a_film_is_played_stepped_and_jumped_in_by_keyboard() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("film.mp4");
    film(&ffmpeg, &file, "-c:v libx264 -g 50 -keyint_min 50 -sc_threshold 0 -bf 2 -preset veryfast");
    let mut window = Window::dropped(&folder.path().join("home"), &file);
    let frame = |window: &Window| window.app().look().frame;
    assert!(window.sees("再生・一時停止") && window.sees("1 / 200 フレーム"), "the transport is there");
    window.press(Key::ArrowDown);
    window.press(Key::ArrowDown);
    window.press(Key::ArrowUp);
    assert_eq!((frame(&window), window.sees("0:00:00.040")), (1, true));
    window.press(Key::L);
    window.until("it plays", |app| app.look().frame > 10);
    window.press(Key::K);
    let stopped = frame(&window);
    window.harness.run_steps(8);
    assert_eq!(frame(&window), stopped, "K stops");
    window.press(Key::J);
    window
        .until("it plays backwards", |app| app.look().frame < stopped.saturating_sub(3) || app.look().frame > stopped);
    // A step by hand ends playing.
    window.press(Key::ArrowUp);
    let stopped = frame(&window);
    window.harness.run_steps(8);
    assert_eq!(frame(&window), stopped);
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::J);
    window.harness.run_steps(3);
    window.harness.input_mut().events.push(egui::Event::Text("0:03.4".to_owned()));
    window.harness.run_steps(2);
    window.press(Key::Enter);
    assert_eq!(frame(&window), 85, "3.4 seconds at 25 frames a second");
    for (key, at) in [(Key::ArrowRight, 100), (Key::ArrowRight, 150), (Key::ArrowLeft, 100)] {
        window.harness.key_press_modifiers(Modifiers::SHIFT, key);
        window.harness.run_steps(3);
        assert_eq!(frame(&window), at, "key frames");
    }
    window.press(Key::F9);
    window.harness.run_steps(3);
    assert!(window.sees("0:00:04.000"), "the strip has a picture of this second");
    window.press(Key::F9);
    assert!(!window.sees("0:00:07.840"), "and goes again");
}
