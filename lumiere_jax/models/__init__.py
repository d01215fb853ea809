"""Networks: text-to-image U-Net, its space-time inflation, super-resolution."""
