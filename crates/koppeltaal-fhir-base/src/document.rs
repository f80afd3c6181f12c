//! Documents as readers and writers see them: [`Content`] is what is written, a [`Root`] is read to.

use crate::findings::{Failure, Report};
use crate::resource::{AnyResource, ResourceList};
use crate::structure::Structure;

/// What is read or written as a whole: a resource, or a bundle that is no resource.
#[derive(Clone, Copy)]
pub enum Content<'a> {
    Resource(&'a dyn AnyResource),
    /// A bundle with so many entries.
    Bundle {
        bundle: &'a dyn Structure,
        entries: usize,
    },
}

/// Where the content of a text is read to.
pub trait Root {
    /// The resource at the root.
    fn resource(&mut self) -> &mut dyn ResourceList;
    /// The bundle at the root, if a bundle is no resource.
    fn bundle(&mut self) -> Option<&mut dyn Structure> {
        None
    }
    /// Reports what the schema cannot say about that bundle.
    fn check_bundle(&self, _: &mut Report<'_>, _: usize) -> Result<(), Failure> {
        Ok(())
    }
}
