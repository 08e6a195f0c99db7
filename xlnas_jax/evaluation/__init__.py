"""A population to numbers in one call, and fewer of them where that suffices."""
