"""The command lines that the help of each command ends with. A test runs them."""

EXAMPLES = {
    "list": ("zoo list", "zoo list '*vae*'", "zoo list --models"),
    "show": ("zoo show vae-mnist", "zoo show mlp-vae", "zoo show samples.png"),
    "pull": (
        "zoo pull vae-mnist",
        "zoo pull hf:OWNER/REPO",
        "zoo pull --update",
    ),
    "search": ("zoo search mnist", "zoo search vae --limit 5"),
    "import": (
        "zoo import netG.pth --as old-gan",
        "zoo import hf:OWNER/REPO --as theirs --with dcgan",
    ),
    "rm": ("zoo rm my-vae", "zoo rm 'test-*'"),
    "verify": ("zoo verify", "zoo verify vae-mnist", "zoo verify '*mnist*'"),
    "space": ("zoo space", "zoo space --prune"),
    "sample": (
        "zoo sample vae-mnist",
        "zoo sample cdcgan-mnist --label 7 -n 16 --scale 4 -o sevens.png",
        "zoo sample vae-mnist -n 1000 --seed 0 -o digits.npz",
    ),
    "generate": (
        "zoo generate vae-mnist -n 10000 --seed 0 -o digits",
        "zoo generate cdcgan-mnist --per-class 1000 --workers 2 --seed 0 -o by-class",
        "zoo generate vae-mnist -n 10000 --seed 0 --where 'confidence>0.9' -o clear-digits",
    ),
    "reconstruct": (
        "zoo reconstruct vae-mnist -n 8 -o copies.png",
        "zoo reconstruct vae-mnist photo.png",
    ),
    "interpolate": (
        "zoo interpolate vae-mnist",
        "zoo interpolate dcgan-mnist -n 4 --steps 12 -o walk.gif",
    ),
    "encode": (
        "zoo encode vae-mnist photo.png",
        "zoo encode cvae-mnist photo.png --label 7 -o seven.npz",
    ),
    "decode": (
        "zoo decode vae-mnist latents.npz",
        "zoo decode vae-mnist latents.npz --scale 4 -o decoded.webp",
    ),
    "invert": (
        "zoo invert vae-mnist photo.png",
        "zoo invert dcgan-mnist photo.png --draws 100 --steps 10 -o nearest.png",
    ),
    "directions": (
        "zoo directions vae-mnist -o directions.png",
        "zoo directions vae-mnist --from 1 --to 7",
        "zoo directions vae-mnist --rename strong-8=slant",
    ),
    "edit": (
        "zoo edit vae-mnist --seed 0 -n 8 --direction strong-1=1.5",
        "zoo edit vae-mnist --image photo.png --direction strong-2=-1 -o edited.png",
    ),
    "inpaint": (
        "zoo inpaint vae-mnist photo.png --mask mask.png",
        "zoo inpaint dcgan-mnist photo.png --mask mask.png -n 2 --draws 50 --steps 5",
    ),
    "train": (
        "zoo train mlp-vae --name small --epochs 1 --set latent_dim=2 --set hidden_dims=32",
        "zoo train --resume my-vae",
        "zoo train --from vae-mnist --name my-vae --data ./photos --keep best",
    ),
    "play": ("zoo play", "zoo play vae-mnist --no-browser"),
    "serve": ("zoo serve vae-mnist", "zoo serve vae-mnist dcgan-mnist --port 8080"),
    "evaluate": (
        "zoo evaluate vae-mnist",
        "zoo evaluate my-vae -n 1000 --write",
        "zoo evaluate vae-mnist --features inception",
    ),
    "compare": (
        "zoo compare vae-mnist dcgan-mnist",
        "zoo compare vae-mnist my-vae -n 1000 --json",
        "zoo compare 's-*' --over seed --format latex",
    ),
    "export": (
        "zoo export vae-mnist",
        "zoo export cdcgan-mnist --what sample -o sampler.onnx",
        "zoo export vae-mnist --what encode --precision float16 -o encoder.pt2",
    ),
    "card": ("zoo card vae-mnist", "zoo card my-vae --write"),
    "push": ("zoo push my-vae OWNER/my-vae --dry-run", "zoo push my-vae OWNER/my-vae --private"),
    "plugins": ("zoo plugins", "zoo plugins --json"),
    "check": ("zoo check mlp-vae", "zoo check my-model --set width=4"),
    "new": ("zoo new my-model", "zoo new my-gan --kind gan"),
    "doctor": ("zoo doctor", "zoo doctor --fix"),
}
