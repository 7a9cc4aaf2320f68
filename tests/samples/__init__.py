"""Files that released versions wrote, and tests that this version reads them."""
