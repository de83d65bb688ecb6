#!/bin/sh
# run FOLDER [user]: on a Pi's first start, as root: pi-stream, its settings and all it needs, without a network; or the user.
# Either may be run again after a power cut, or when it failed; the one that is done last removes the folder.
set -eu
folder=$1
step=/run/pi-stream-first-boot

say() {
    echo "pi-stream, first boot: $1"
    echo "$1" >"$step"
}

make_user() {
    name=$(cat "$folder/user/name")
    hash=$(cat "$folder/user/hash") # empty: no password, only keys
    if [ -x /usr/lib/userconf-pi/userconf ]; then
        # Raspberry Pi OS has a first user who is waiting for a name; this also ends the question for it on the screen.
        /usr/lib/userconf-pi/userconf "$name" "$hash"
    else
        id "$name" >/dev/null 2>&1 || useradd --create-home --user-group --shell /bin/bash "$name"
        for group in adm dialout audio sudo video plugdev render netdev gpio i2c spi; do
            ! getent group "$group" >/dev/null || usermod --append --groups "$group" "$name"
        done
        [ -z "$hash" ] || printf '%s:%s\n' "$name" "$hash" | chpasswd --encrypted
    fi
    # Who has only keys has no password to become root with.
    [ -n "$hash" ] || (umask 0337 && echo "$name ALL=(ALL) NOPASSWD:ALL" >/etc/sudoers.d/010_pi-stream-first-user)
    if [ -s "$folder/user/keys" ]; then
        home=$(getent passwd "$name" | cut -d: -f6)
        group=$(id -gn "$name")
        install -d -m 0700 -o "$name" -g "$group" "$home/.ssh"
        install -m 0600 -o "$name" -g "$group" "$folder/user/keys" "$home/.ssh/authorized_keys"
        # Who has keys needs no door for guessed passwords.
        [ ! -d /etc/ssh/sshd_config.d ] || echo "PasswordAuthentication no" >/etc/ssh/sshd_config.d/60-pi-stream.conf
    fi
    if [ -e "$folder/user/ssh" ]; then
        ssh-keygen -A >/dev/null # makes only the host keys that are missing
        systemctl enable --quiet ssh
        systemctl start --no-block ssh
    fi
}

# Paths of packages that are newer than what is installed: pi-stream's own, or all others. `packages` has a line for each:
# name, version, file. dpkg is asked once for all that is there, because each call takes long on a small Pi.
newer() { # ours|others
    # shellcheck disable=SC2016 # ${...} is dpkg-query's
    dpkg-query --show --showformat '${db:Status-Status} ${Package} ${Version}\n' |
        awk -v which="$1" '
            NR == FNR { if ($1 == "installed") there[$2] = $3; next }
            ($1 == "pi-stream") == (which == "ours") { print $1, $2, $3, ($1 in there ? there[$1] : "none") }
        ' - "$folder/packages" |
        while read -r name version file there; do
            [ "$there" = none ] || dpkg --compare-versions "$there" lt "$version" || continue
            echo "$folder/debs/$file"
            # What pi-stream alone needs, or had been brought by something before: nobody asked for it.
            if [ "$name" != pi-stream ] && ! grep -qsxF "$name" "$folder/asked-for" &&
                { [ "$there" = none ] || [ -n "$(apt-mark showauto "$name")" ]; }; then
                echo "$name" >>"$folder/brought"
            fi
        done
}

# No archive is asked for anything: what is installed, and what is here, must be enough.
install_debs() {
    [ $# = 0 ] || apt-get install --yes --quiet --no-install-recommends \
        -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=/dev/null \
        -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold "$@"
}

finished() { # UNIT FOLDER: this one has nothing to do any more
    sync
    rm -rf "${folder:?}/$2"
    rm -f "/etc/systemd/system/multi-user.target.wants/$1" "/etc/systemd/system/$1"
    [ -e "$folder/user" ] || [ -e "$folder/debs" ] || rm -rf "$folder"
    sync
}

if [ "${2:-}" = user ]; then
    make_user
    finished pi-stream-first-user.service user
    exit
fi

# Until pi-stream is there, its address answers with the step that is being done.
port=$(cat "$folder/port")
echo "starting" >"$step"
python3 "$folder/waiting.py" "$port" "$step" &
waiting=$!
stop_waiting() {
    [ -z "$waiting" ] || kill "$waiting" 2>/dev/null || true
    waiting=
}
trap stop_waiting EXIT

! command -v rfkill >/dev/null || rfkill unblock wifi || true # a Pi without Wi-Fi has nothing to unblock

say "installing what pi-stream needs (some minutes)"
export DEBIAN_FRONTEND=noninteractive
dpkg --configure -a --force-confold # if the power went while packages were being installed
# shellcheck disable=SC2046 # names of packages have no blanks
install_debs $(newer others)

say "installing pi-stream"
install -d -m 0755 /etc/pi-stream
[ -e /etc/pi-stream/config.toml ] || install -m 0644 "$folder/config.toml" /etc/pi-stream/config.toml
if [ "$port" -lt 1024 ]; then
    # pi-stream has no rights of root, so the port without a number (80) must be one that anybody may have.
    echo "net.ipv4.ip_unprivileged_port_start = $port" >/etc/sysctl.d/60-pi-stream-port.conf
    echo "$port" >/proc/sys/net/ipv4/ip_unprivileged_port_start
fi
stop_waiting # it has the port
# shellcheck disable=SC2046
install_debs $(newer ours)
[ ! -s "$folder/brought" ] || xargs apt-mark auto <"$folder/brought" >/dev/null # they go when pi-stream goes
systemctl enable --quiet pi-stream
systemctl start --no-block pi-stream

if [ -e "$folder/read-only" ]; then
    say "making the card read-only, and starting again"
    sed -i -e 's/overlayroot=[^ ]* //' -e '1s/^/overlayroot=tmpfs:recurse=0 /' /boot/firmware/cmdline.txt
    sed -i -E 's|^([^#]\S*\s+/boot/firmware\s+\S+\s+)defaults|\1defaults,ro|' /etc/fstab
fi
restart=$(test -e "$folder/read-only" && echo yes || echo no)
finished pi-stream-first-boot.service debs
echo "pi-stream, first boot: done"
[ "$restart" = no ] || systemctl --no-block reboot
