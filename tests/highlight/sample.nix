# A flake
{ pkgs ? import <nixpkgs> { }, ... }:
let
  version = "1.${toString 2}";
in
pkgs.stdenv.mkDerivation rec {
  pname = "tallymark";
  inherit version;
  buildInputs = with pkgs; [ openssl ];
  buildPhase = ''
    echo ${pname} $HOME
  '';
  enabled = true;
}
