"""Large files: kept once by their sha256, whoever has them, as git, LFS and Xet know them."""
