//! OpenSlide's C interface (openslide.h), loaded at run time: `.so.1` of 4.x or `.so.0` of 3.4. Only the child worker calls
//! it.
#![allow(unsafe_code, reason = "a C library; listed in tests/architecture.rs")]

use std::{
    ffi::{CStr, CString, OsString, c_char, c_void},
    path::{Path, PathBuf},
};

/// `openslide_t`, of which only the library knows what is inside.
type Handle = *mut c_void;

/// The functions that are called, as `openslide.h` declares them. All but the last two are in 3.4 as in 4.x.
struct Functions {
    detect_vendor: unsafe extern "C" fn(*const c_char) -> *const c_char,
    open: unsafe extern "C" fn(*const c_char) -> Handle,
    close: unsafe extern "C" fn(Handle),
    level_count: unsafe extern "C" fn(Handle) -> i32,
    level_dimensions: unsafe extern "C" fn(Handle, i32, *mut i64, *mut i64),
    level_downsample: unsafe extern "C" fn(Handle, i32) -> f64,
    read_region: unsafe extern "C" fn(Handle, *mut u32, i64, i64, i32, i64, i64),
    error: unsafe extern "C" fn(Handle) -> *const c_char,
    property_value: unsafe extern "C" fn(Handle, *const c_char) -> *const c_char,
    associated_names: unsafe extern "C" fn(Handle) -> *const *const c_char,
    associated_dimensions: unsafe extern "C" fn(Handle, *const c_char, *mut i64, *mut i64),
    read_associated: unsafe extern "C" fn(Handle, *const c_char, *mut u32),
    version: unsafe extern "C" fn() -> *const c_char,
    icc_size: Option<unsafe extern "C" fn(Handle) -> i64>,
    read_icc: Option<unsafe extern "C" fn(Handle, *mut c_void)>,
}

/// The library, kept loaded for as long as a slide is open.
pub struct Library {
    functions: Functions,
    _code: libloading::Library,
}

/// Names under which the library is looked for, the newer first.
fn names() -> &'static [&'static str] {
    if cfg!(target_os = "macos") {
        &["libopenslide.1.dylib", "libopenslide.0.dylib"]
    } else if cfg!(windows) {
        &["libopenslide-1.dll", "libopenslide-0.dll"]
    } else {
        &["libopenslide.so.1", "libopenslide.so.0"]
    }
}

/// Where the library is looked for, in this order: what `SHOKEN_OPENSLIDE` names and nothing else; beside the program, since
/// a hospital's laptop has no administrator; where the system keeps its libraries.
pub fn places() -> Vec<PathBuf> {
    let in_folder =
        |folder: &Path| names().iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect();
    if let Some(named) = std::env::var_os("SHOKEN_OPENSLIDE").filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        return if named.is_dir() { in_folder(&named) } else { vec![named] };
    }
    let beside = std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_path_buf));
    let mut all: Vec<PathBuf> = beside
        .iter()
        .flat_map(|folder| [folder.clone(), folder.join("lib")])
        .flat_map(|folder| {
            let found: Vec<PathBuf> = in_folder(&folder);
            found
        })
        .collect();
    all.extend(names().iter().map(PathBuf::from));
    all
}

impl Library {
    /// The first of [`places`] that can be loaded and has all functions.
    pub fn find() -> Option<Self> {
        places().into_iter().find_map(|path| Self::load(path.into_os_string()))
    }

    fn load(path: OsString) -> Option<Self> {
        // SAFETY: loading runs the library's initialisers. They are trusted as those of any library the user installed; this
        // process is a worker that holds nothing but one file.
        let code = unsafe { libloading::Library::new(path) }.ok()?;
        macro_rules! function {
            ($name:literal) => {
                // SAFETY: the name belongs to the type of the field that it is put in, by openslide.h; the pointer is used
                // only while `_code` keeps the library loaded.
                unsafe { code.get(concat!("openslide_", $name, "\0").as_bytes()) }.ok().map(|symbol| *symbol)
            };
        }
        let functions = Functions {
            detect_vendor: function!("detect_vendor")?,
            open: function!("open")?,
            close: function!("close")?,
            level_count: function!("get_level_count")?,
            level_dimensions: function!("get_level_dimensions")?,
            level_downsample: function!("get_level_downsample")?,
            read_region: function!("read_region")?,
            error: function!("get_error")?,
            property_value: function!("get_property_value")?,
            associated_names: function!("get_associated_image_names")?,
            associated_dimensions: function!("get_associated_image_dimensions")?,
            read_associated: function!("read_associated_image")?,
            version: function!("get_version")?,
            icc_size: function!("get_icc_profile_size"),
            read_icc: function!("read_icc_profile"),
        };
        Some(Self { functions, _code: code })
    }

    pub fn version(&self) -> String {
        // SAFETY: takes nothing and gives a static string.
        text(unsafe { (self.functions.version)() }).unwrap_or_default()
    }

    /// The vendor of a file; `None` when the library does not know it.
    pub fn vendor(&self, path: &CStr) -> Option<String> {
        // SAFETY: a NUL-terminated name that outlives the call; the answer is static or null.
        text(unsafe { (self.functions.detect_vendor)(path.as_ptr()) })
    }

    /// # Errors
    /// What the library says, where it says something.
    pub fn open(&self, path: &CStr) -> Result<Slide<'_>, String> {
        // SAFETY: a NUL-terminated name that outlives the call.
        let handle = unsafe { (self.functions.open)(path.as_ptr()) };
        if handle.is_null() {
            return Err("it is of no format that OpenSlide knows".to_owned());
        }
        let slide = Slide { library: self, handle };
        slide.check()?;
        Ok(slide)
    }
}

/// A C string as text; `None` for null.
fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: not null, and the library gives NUL-terminated strings that live as long as the slide.
    Some(unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

/// An open slide.
pub struct Slide<'a> {
    library: &'a Library,
    handle: Handle,
}

impl Slide<'_> {
    fn functions(&self) -> &Functions {
        &self.library.functions
    }

    /// The library remembers its first error and does nothing more after it.
    fn check(&self) -> Result<(), String> {
        // SAFETY: the handle is open; the answer is null or lives as long as it.
        text(unsafe { (self.functions().error)(self.handle) }).map_or(Ok(()), Err)
    }

    pub fn level_count(&self) -> i32 {
        // SAFETY: the handle is open.
        unsafe { (self.functions().level_count)(self.handle) }
    }

    /// Width, height and downsample; negative for a level that is not there.
    pub fn level(&self, level: i32) -> (i64, i64, f64) {
        let (mut width, mut height) = (-1, -1);
        // SAFETY: the handle is open, the two numbers are ours to write.
        unsafe { (self.functions().level_dimensions)(self.handle, level, &raw mut width, &raw mut height) };
        // SAFETY: the handle is open.
        (width, height, unsafe { (self.functions().level_downsample)(self.handle, level) })
    }

    pub fn property(&self, name: &str) -> Option<String> {
        let name = CString::new(name).ok()?;
        // SAFETY: the handle is open, the name NUL-terminated; the answer is null or lives as long as the slide.
        text(unsafe { (self.functions().property_value)(self.handle, name.as_ptr()) })
    }

    pub fn associated(&self) -> Vec<String> {
        let mut out = Vec::new();
        // SAFETY: the handle is open.
        let mut at = unsafe { (self.functions().associated_names)(self.handle) };
        while !at.is_null() && out.len() < 1000 {
            // SAFETY: the list ends with a null pointer, which ends this loop before anything behind it is read.
            let Some(name) = text(unsafe { *at }) else { break };
            out.push(name);
            // SAFETY: the entry at `at` was not the last, so the next one is in the list.
            at = unsafe { at.add(1) };
        }
        out
    }

    /// Pixels of a region, ARGB with colour multiplied by transparency, as the machine's 32-bit words; `x` and `y` are of
    /// level 0.
    ///
    /// # Errors
    /// What the library says.
    pub fn region(&self, level: i32, (x, y): (i64, i64), (width, height): (u32, u32)) -> Result<Vec<u32>, String> {
        let mut out = vec![0; width as usize * height as usize];
        let (w, h) = (i64::from(width), i64::from(height));
        // SAFETY: the handle is open; `out` has room for width times height words, which is what the library writes.
        unsafe { (self.functions().read_region)(self.handle, out.as_mut_ptr(), x, y, level, w, h) };
        self.check()?;
        Ok(out)
    }

    /// An associated image: width, height, pixels as in [`Slide::region`].
    ///
    /// # Errors
    /// What the library says; too large an image.
    pub fn associated_image(&self, name: &str, most_pixels: u64) -> Result<(u32, u32, Vec<u32>), String> {
        let name = CString::new(name).map_err(|_| "a name with a NUL".to_owned())?;
        let (mut width, mut height) = (-1, -1);
        let dimensions = self.functions().associated_dimensions;
        // SAFETY: the handle is open, the name NUL-terminated, the two numbers are ours to write.
        unsafe { dimensions(self.handle, name.as_ptr(), &raw mut width, &raw mut height) };
        self.check()?;
        let (Ok(w), Ok(h)) = (u32::try_from(width), u32::try_from(height)) else {
            return Err("there is no such associated image".to_owned());
        };
        if u64::from(w) * u64::from(h) > most_pixels {
            return Err("the associated image is too large".to_owned());
        }
        let mut out = vec![0; w as usize * h as usize];
        // SAFETY: as above; `out` has room for the dimensions that the library just named.
        unsafe { (self.functions().read_associated)(self.handle, name.as_ptr(), out.as_mut_ptr()) };
        self.check()?;
        Ok((w, h, out))
    }

    /// The colour profile; empty where there is none and before 4.0.
    pub fn icc(&self, most: usize) -> Vec<u8> {
        let (Some(size), Some(read)) = (self.functions().icc_size, self.functions().read_icc) else {
            return Vec::new();
        };
        // SAFETY: the handle is open.
        let size = usize::try_from(unsafe { size(self.handle) }).unwrap_or(0);
        if size == 0 || size > most {
            return Vec::new();
        }
        let mut out = vec![0_u8; size];
        // SAFETY: the handle is open; `out` has room for the size that the library just named.
        unsafe { read(self.handle, out.as_mut_ptr().cast()) };
        if self.check().is_ok() { out } else { Vec::new() }
    }
}

impl Drop for Slide<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is open and used by nobody after this.
        unsafe { (self.functions().close)(self.handle) };
    }
}
